#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"
#include "privileges.h"
#include "seccomp.h"
#include "syscalls.h"

namespace launcher {
namespace {

constexpr long kCgroup2Magic = 0x63677270;
constexpr long kKeyctlJoinSessionKeyring = 1;

/** By RLIMIT_* number. */
constexpr const char* kLimitNames[] = {"cpu",     "fsize", "data",  "stack",      "core",     "rss",  "nproc",  "nofile",
                                       "memlock", "as",    "locks", "sigpending", "msgqueue", "nice", "rtprio", "rttime"};
constexpr uint32_t kLimits = sizeof kLimitNames / sizeof kLimitNames[0];

bool AddCgroupFile(int directory, const char* path, TaskContext& context) {
  constexpr int kMax = sizeof context.cgroup_files / sizeof context.cgroup_files[0];
  errno = E2BIG;
  if (context.cgroup_file_count == kMax) return Fail("open cgroup", "", path);
  // v1 has `tasks` too: moving this one thread there takes no lock of the whole machine, for which the kernel waits some
  // milliseconds when nobody held it lately.
  int file = openat(directory, "tasks", O_WRONLY | O_CLOEXEC);
  if (file < 0) file = openat(directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  if (file < 0) return Fail("open cgroup", "open", path);
  context.cgroup_files[context.cgroup_file_count++] = {file, path};
  return true;
}

bool JoinCgroups(const TaskContext& context) {
  for (int i = 0; i < context.cgroup_file_count; i++) {
    const TaskContext::CgroupFile& file = context.cgroup_files[i];
    if (write(file.fd, "0", 1) != 1) return Fail("join cgroup", "write", file.directory);
  }
  // Only now: the namespace's root is the cgroup the process is in when it is made.
  if (context.spec->cgroup_namespace && unshare(CLONE_NEWCGROUP) < 0) return Fail("make cgroup namespace", "unshare");
  return true;
}

bool SetStreams(const TaskContext& context) {
  const int streams[3] = {context.input, context.output, context.errors};
  for (int i = 0; i < 3; i++) {
    if (dup2(streams[i], i) < 0) return Fail("set standard streams", "dup2");
  }
  return true;
}

bool SetLimits(const TaskContext& context) {
  const TaskSpec& spec = *context.spec;
  if (spec.has_oom_score) {
    Text<16> text;
    text << spec.oom_score;
    if (!WriteExisting(context.proc, "self/oom_score_adj", text.c_str(), text.size(), "set oom score")) return false;
  }
  for (const Limit& limit : spec.limits) {
    const struct rlimit value = {limit.soft, limit.hard};
    if (setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &value) == 0) continue;
    return Fail("set resource limit", "setrlimit", limit.resource < kLimits ? kLimitNames[limit.resource] : "");
  }
  return true;
}

/** Not before the ids are set: changing them takes the arrangement away. */
bool DieWithParent(const TaskContext& context) {
  if (!context.die_with_parent) return true;
  if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return Fail("tie task to its parent", "prctl");
  struct pollfd link = {context.parent_link, POLLIN, 0};
  errno = ESRCH;
  return poll(&link, 1, 0) == 0 || Fail("tie task to its parent", "poll");
}

/** Tries the program in every directory of PATH, as the shell does; the error of an unusable one counts more than ENOENT. */
void ExecFromPath(const TaskSpec& spec) {
  const char* name = spec.argv.items[0];
  int error = ENOENT;
  for (const char* from = spec.search_path;;) {
    const char* end = strchrnul(from, ':');
    char path[4096];
    const size_t length = static_cast<size_t>(end - from);
    if (length + strlen(name) + 2 <= sizeof path) {
      memcpy(path, from, length);
      if (length > 0) path[length] = '/';
      memcpy(path + length + (length > 0), name, strlen(name) + 1);
      execve(path, spec.argv.items, spec.env.items);
      if (errno != ENOENT && errno != ENOTDIR) error = errno;
    }
    if (*end == 0) break;
    from = end + 1;
  }
  errno = error;
}

bool Exec(const TaskSpec& spec) {
  CloseFrom(3, true);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (strchr(spec.argv.items[0], '/') != nullptr) {
    execve(spec.argv.items[0], spec.argv.items, spec.env.items);
  } else {
    ExecFromPath(spec);
  }
  return Fail("exec", "execve", spec.argv.items[0]);
}

}  // namespace

bool OpenCgroups(const List<char*>& directories, bool born_inside, TaskContext& context) {
  for (const char* path : directories) {
    const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return Fail("open cgroup", "open", path);
    struct statfs file_system = {};
    const bool v2 = fstatfs(directory, &file_system) == 0 && file_system.f_type == kCgroup2Magic;
    if (v2 && born_inside) {
      context.birth_cgroup = directory;
      continue;
    }
    const bool added = AddCgroupFile(directory, path, context);
    close(directory);
    if (!added) return false;
  }
  return true;
}

void CloseStreams(TaskContext& context) {
  int* const streams[3] = {&context.input, &context.output, &context.errors};
  for (int i = 0; i < 3; i++) {
    const int fd = *streams[i];
    for (int j = i; j < 3; j++) {
      if (*streams[j] == fd) *streams[j] = -1;
    }
    if (fd > STDERR_FILENO) close(fd);
  }
}

bool RunTask(const TaskContext& context) {
  const TaskSpec& spec = *context.spec;
  setsid();
  if (context.terminal && ioctl(context.input, TIOCSCTTY, 0) < 0) return Fail("take terminal", "ioctl", "TIOCSCTTY");
  // The caller's session keyring may hold secrets; a kernel without keys has none to give away.
  syscall(SYS_keyctl, kKeyctlJoinSessionKeyring, nullptr);
  if (!JoinCgroups(context) || !SetStreams(context) || !SetLimits(context)) return false;
  // To install it without no_new_privs takes rights that are gone afterwards.
  if (!spec.no_new_privileges && !InstallSeccomp(spec)) return false;
  if (!DropPrivileges(spec) || !DieWithParent(context)) return false;
  if (spec.no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return Fail("set no_new_privs", "prctl");
  umask(spec.umask);
  if (chdir(spec.cwd) < 0) return Fail("enter working directory", "chdir", spec.cwd);
  if (spec.no_new_privileges && !InstallSeccomp(spec)) return false;
  return Exec(spec);
}

pid_t StartTask(TaskContext& context, Message& failure) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) {
    Fail("start task", "pipe2");
    failure = FailureMessage();
    return -1;
  }
  const pid_t pid = Fork(CLONE_VFORK, context.birth_cgroup);
  if (pid == 0) {
    close(ends[0]);
    context.parent_link = ends[1];
    RunTask(context);
    Send(ends[1], FailureMessage());
    _exit(127);
  }
  if (pid < 0) Fail("start task", "clone3");
  close(ends[1]);
  const bool failed = pid < 0 || Receive(ends[0], failure) == 1;
  close(ends[0]);
  if (!failed) return pid;
  if (pid < 0) failure = FailureMessage();
  if (pid > 0) waitpid(pid, nullptr, 0);
  return -1;
}

}  // namespace launcher
