#pragma once

#include <napi.h>

#include <string>

namespace isolator {

/** What was being done when a system call failed; becomes an IsolatorError. */
struct Failure {
  int error = 0;
  std::string step;
  std::string syscall;
  std::string path;
};

/**
 * An `IsolatorError` with `{ code, errno, step, syscall, path }` and the message `step path: CODE, description`:
 *   `throw SystemError(env, errno, "create cgroup", "mkdir", path);`
 * `syscall` and `path` may be empty: the fields are left out then.
 */
Napi::Error SystemError(Napi::Env env, int error, const std::string& step, const std::string& syscall = "",
                        const std::string& path = "");
Napi::Error SystemError(Napi::Env env, const Failure& failure);

/** The name of an errno, e.g. `ENOENT`; `E123` for one the C library does not know. */
std::string ErrnoName(int error);

/** Adds `setErrorClass(IsolatorError)`, which the TypeScript side calls once, and `errnoName(number)`. */
void ExportErrors(Napi::Env env, Napi::Object exports);

}  // namespace isolator
