#pragma once

#include "host_sources.h"
#include "supervisor.h"

namespace launcher {

struct InitOptions {
  const LaunchSpec* spec = nullptr;
  TaskContext* task = nullptr;
  const StreamSpec* streams = nullptr;
  const HostSources* sources = nullptr;
  int link = -1;
  char* title = nullptr;
  /** Whether others of its user may look into this process: the caller, if it lacks CAP_SYS_PTRACE, must be able to enter. */
  bool visible = false;
};

/**
 * The monitor's child, in its namespaces: sets up mounts and host name, waits until the monitor lets it go on, then
 * supervises the task (or becomes it).
 */
[[noreturn]] void RunInit(const InitOptions& options);

/** Renames this process for `ps`: `title`'s text up to the colon is replaced. */
void Retitle(char* title, const char* role);

}  // namespace launcher
