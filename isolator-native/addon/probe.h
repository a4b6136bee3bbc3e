#pragma once

#include <napi.h>

/**
 * Adds `probeKernel()`, which tries namespaces and mounts in a short-lived child and gives errnos, 0 for what works:
 *   { direct: Trials, user: Trials, unprivileged: Setup, raiseLimits: errno }
 *   Trials: { pid, mount, uts, ipc, cgroup, user, net, time, setup: Setup, overlay }   Setup: { step, errno }
 * `user` is the same as `direct`, each together with a user namespace; -1 stands for what was not reached.
 */
void ExportProbe(Napi::Env env, Napi::Object exports);
