#include "init.h"

#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "failure.h"
#include "mounts.h"
#include "network.h"
#include "privileges.h"
#include "terminal.h"

namespace launcher {
namespace {

bool DieWithMonitor() { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 || Fail("tie init to monitor", "prctl"); }

void AwaitProceed(int link) {
  Message message;
  // A monitor that has gone, or that gave up, closes its end.
  if (Receive(link, message) != 1 || message.kind != Kind::proceed) _exit(1);
}

bool SetUp(const InitOptions& options) {
  const LaunchSpec& spec = *options.spec;
  const bool user_namespace = (spec.namespaces & CLONE_NEWUSER) != 0;
  const bool pid_namespace = (spec.namespaces & CLONE_NEWPID) != 0;
  if (user_namespace) {
    AwaitProceed(options.link);
    if (!EnterMappedIds(spec.uid_map, spec.gid_map)) return false;
  }
  // After the change of ids, which would take it away.
  if (pid_namespace && !DieWithMonitor()) return false;
  if ((spec.namespaces & CLONE_NEWNS) != 0 && !SetUpMounts(spec, *options.sources, user_namespace)) return false;
  if ((spec.namespaces & CLONE_NEWNET) != 0 && !LoopbackUp()) return false;
  if (options.streams->terminal && !OpenTerminal(*options.streams, *options.task, options.link)) return false;
  if (spec.hostname[0] != 0 && sethostname(spec.hostname, strlen(spec.hostname)) < 0) return Fail("set hostname", "sethostname");
  // The container's root user must not reach the host through this process: its descriptors, memory and program file.
  if (!options.visible && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return Fail("protect init", "prctl");
  return true;
}

}  // namespace

void Retitle(char* title, const char* role) {
  const char* rest = strchr(title, ':');
  const size_t length = strlen(title);
  if (rest == nullptr || strlen(role) > static_cast<size_t>(rest - title)) return;
  const size_t kept = strlen(rest);
  memmove(title + strlen(role), rest, kept);
  memcpy(title, role, strlen(role));
  memset(title + strlen(role) + kept, 0, length - strlen(role) - kept);
  prctl(PR_SET_NAME, role, 0, 0, 0);
}

void RunInit(const InitOptions& options) {
  if (!SetUp(options)) {
    Send(options.link, FailureMessage());
    _exit(127);
  }
  AwaitProceed(options.link);
  Retitle(options.title, "proffer-init");
  TaskContext& task = *options.task;
  if (options.spec->own_init) {
    task.die_with_parent = true;
    task.parent_link = options.link;
    RunTask(task);
    Send(options.link, FailureMessage());
    _exit(127);
  }
  const bool pid_namespace = (options.spec->namespaces & CLONE_NEWPID) != 0;
  task.die_with_parent = !pid_namespace;
  Supervise(task, pid_namespace ? Scope::pid_namespace : Scope::descendants, options.link);
}

}  // namespace launcher
