#pragma once

#include <napi.h>

namespace isolator {

/**
 * Adds `setDeviceProgram(directory, rules)`: on cgroup v2 the device whitelist is an eBPF program attached to the cgroup.
 * A rule is four numbers in a row: type (1 block, 2 char), major or -1, minor or -1, access (1 mknod, 2 read, 4 write).
 * The new program is in force before earlier ones go, so that nothing unlisted is allowed in between.
 */
void ExportDeviceProgram(Napi::Env env, Napi::Object exports);

}  // namespace isolator
