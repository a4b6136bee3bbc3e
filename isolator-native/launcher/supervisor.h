#pragma once

#include "task.h"

namespace launcher {

/** Who the supervisor is, and so how it ends what is left. */
enum class Scope {
  /** Process 1 of a pid namespace: all processes in it. */
  pid_namespace,
  /** A subreaper: all its descendants. */
  descendants,
};

/**
 * Starts the task, reaps orphans, forwards signals; when the task ends, or the monitor goes (the other end of `link`
 * closes), ends everything in its scope. Tells the monitor `started` or `failed`, then `ended`. Does not return.
 */
[[noreturn]] void Supervise(TaskContext& task, Scope scope, int link);

/** Kills all children, and as they become children all descendants, until none is left. The caller is a subreaper. */
void EndDescendants(int proc);

/** Blocks all signals and gives a descriptor to read them from; -1: failed. */
int BlockSignals();

/** Whether it is a signal that people and service managers send to say something to a program. */
bool IsForwarded(int signal);

}  // namespace launcher
