#pragma once

#include "spec.h"

namespace launcher {

/** What the task's process needs besides its spec. All opened by the monitor, from where the host can be seen. */
struct TaskContext {
  const TaskSpec* spec = nullptr;
  int input = -1;
  int output = -1;
  int errors = -1;
  /** All three are a terminal, which becomes the task's controlling one. */
  bool terminal = false;
  /** A v2 cgroup to be born in, or -1. */
  int birth_cgroup = -1;
  /** `tasks` files to write to (v1); `cgroup.procs` of a v2 one only if it could not be born there. */
  struct CgroupFile {
    int fd;
    const char* directory;
  } cgroup_files[16] = {};
  int cgroup_file_count = 0;
  /** The host's /proc. */
  int proc = -1;
  /** The /proc in which the supervisor finds its own children; -1: the host's. */
  int supervisor_proc = -1;
  /** Whether the kernel kills the task when its parent ends. */
  bool die_with_parent = false;
  /** Then, to notice a parent that ended before that was arranged: a pipe or socket whose other end the parent alone holds. */
  int parent_link = -1;
};

/**
 * Opens the cgroups of the spec: `tasks` of v1 ones, the directory of a v2 one. Without `born_inside` the v2 one is
 * joined like the others: the right to do that goes by who opened the file, the right to be born there by who forks.
 */
bool OpenCgroups(const List<char*>& directories, bool born_inside, TaskContext& context);

/** Closes the task's streams here, but not the process's own; only the task may hold them, so that their end is seen. */
void CloseStreams(TaskContext& context);

/** Becomes the task. Returns (false, failure noted) only when that failed. */
bool RunTask(const TaskContext& context);

/**
 * Starts the task as a child in its cgroups and waits for its exec. Its pid as seen here, or -1 with `failure` filled;
 * a task that could not be started has been reaped.
 */
pid_t StartTask(TaskContext& context, Message& failure);

}  // namespace launcher
