#pragma once

#include "spec.h"

namespace launcher {

/**
 * Runs one more command in a running container: enters its namespaces and cgroups, drops the same rights, captures
 * output, and ends everything the command started when it ends, at the time-out, or when the caller goes.
 * `title` is the process's argv[0].
 */
[[noreturn]] void RunJoin(const Spec& spec, char* title);

}  // namespace launcher
