#pragma once

#include "spec.h"

namespace launcher {

/**
 * Puts the task's filter in force, for this process and all it starts. Needs no_new_privs or CAP_SYS_ADMIN. What the
 * launcher still does afterwards has to get through it.
 */
bool InstallSeccomp(const TaskSpec& task);

}  // namespace launcher
