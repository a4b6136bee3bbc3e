#pragma once

#include "spec.h"

namespace launcher {

/** The ids and capabilities of the task, in the order in which the kernel allows it. Ends with the task's own rights. */
bool DropPrivileges(const TaskSpec& task);

/** Leaves the init what it needs to end and signal processes of other users, and nothing else. */
bool KeepOnlyKill();

/** Inside a fresh user namespace: becomes an id that exists there, so that files can be made. */
bool EnterMappedIds(const List<IdMapping>& uids, const List<IdMapping>& gids);

}  // namespace launcher
