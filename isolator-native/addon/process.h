#pragma once

#include <napi.h>

namespace isolator {

/**
 * Adds what is needed to start and watch processes, without Node's own spawn (which forks):
 *   `spawn({ path, name, payload, descriptors }) → { pid, pidfd, result }`
 *   `openProcess(pid) → pidfd`, `sendSignal(pidfd, signal, value?) → boolean`,
 *   `reap(pidfd) → { code, signal } | undefined`,
 *   `memoryFile(name) → fd`; `socketPair() → [fd, fd]`
 */
void ExportProcess(Napi::Env env, Napi::Object exports);

}  // namespace isolator
