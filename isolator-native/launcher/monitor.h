#pragma once

#include "spec.h"

namespace launcher {

/** What stays of the launcher outside the container, from its start to its exit file. `title` is the process's argv[0]. */
[[noreturn]] void RunMonitor(const Spec& spec, char* title);

}  // namespace launcher
