#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "failure.h"
#include "files.h"
#include "privileges.h"
#include "syscalls.h"

namespace launcher {
namespace {

/** The parent of a process, from its `stat`; -1 if it is gone. */
pid_t ParentOf(int proc, const char* pid) {
  char buffer[1024];
  Text<64> path;
  path << pid << "/stat";
  if (ReadSmallFile(proc, path.c_str(), buffer, sizeof buffer) <= 0) return -1;
  const char* name_end = strrchr(buffer, ')');
  if (name_end == nullptr || strlen(name_end) <= 4) return -1;
  const char* parent = name_end + 4;
  return static_cast<pid_t>(ParseNumber(parent));
}

/** As getdents64(2) gives it. */
struct DirectoryEntry {
  uint64_t inode;
  int64_t offset;
  uint16_t size;
  uint8_t type;
  char name[];
};

/** For kernels without a list of children: all of /proc. */
void KillChildrenByScan(int proc) {
  const int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  const pid_t self = getpid();
  alignas(DirectoryEntry) char buffer[4096];
  ssize_t size;
  while ((size = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0) {
    for (char* at = buffer; at < buffer + size;) {
      const DirectoryEntry* entry = reinterpret_cast<DirectoryEntry*>(at);
      const char* name = entry->name;
      const pid_t pid = static_cast<pid_t>(ParseNumber(name));
      if (pid > 0 && ParentOf(proc, entry->name) == self) kill(pid, SIGKILL);
      at += entry->size;
    }
  }
  close(fd);
}

/** Children stay ours until we reap them, so their pids cannot be taken by others in between. */
void KillChildren(int proc) {
  const int fd = openat(proc, "thread-self/children", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return KillChildrenByScan(proc);
  // What does not fit comes at the next call: its processes are children still.
  char list[4096];
  ssize_t size;
  do size = read(fd, list, sizeof list - 1);
  while (size < 0 && errno == EINTR);
  close(fd);
  list[size > 0 ? size : 0] = 0;
  for (const char* at = list; *at != 0; at++) {
    const pid_t pid = static_cast<pid_t>(ParseNumber(at));
    // The last number may have been cut.
    if (*at != ' ') break;
    if (pid > 0) kill(pid, SIGKILL);
  }
}

class Supervisor {
 public:
  Supervisor(TaskContext& task, Scope scope, int link) : task_(task), scope_(scope), link_(link) {}

  [[noreturn]] void run();

 private:
  void start();
  void read_signals();
  void reap();
  [[noreturn]] void finish();

  TaskContext& task_;
  const Scope scope_;
  const int link_;
  int signals_ = -1;
  pid_t pid_ = -1;
  int status_ = 0;
};

void Supervisor::run() {
  signals_ = BlockSignals();
  start();
  struct pollfd waits[2] = {{signals_, POLLIN, 0}, {link_, POLLIN, 0}};
  while (pid_ > 0) {
    if (poll(waits, 2, -1) < 0) continue;
    if (waits[1].revents != 0) break;
    if (waits[0].revents != 0) read_signals();
  }
  finish();
}

void Supervisor::start() {
  if (scope_ == Scope::descendants) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  Message answer = NewMessage(Kind::started);
  pid_ = StartTask(task_, answer);
  if (pid_ > 0) answer = NewMessage(Kind::started);
  CloseStreams(task_);
  for (int i = 0; i < task_.cgroup_file_count; i++) close(task_.cgroup_files[i].fd);
  if (task_.birth_cgroup >= 0) close(task_.birth_cgroup);
  if (scope_ == Scope::pid_namespace) close(task_.proc);
  Send(link_, answer);
  if (pid_ < 0) _exit(127);
  KeepOnlyKill();
}

void Supervisor::read_signals() {
  struct signalfd_siginfo info;
  while (read(signals_, &info, sizeof info) == sizeof info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      reap();
    } else if (pid_ > 0 && signal == kForwardSignal) {
      kill(pid_, info.ssi_int);
    } else if (pid_ > 0 && IsForwarded(signal)) {
      kill(pid_, signal);
    }
  }
}

void Supervisor::reap() {
  int status = 0;
  pid_t pid;
  while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
    if (pid != pid_) continue;
    status_ = status;
    pid_ = -1;
  }
}

void Supervisor::finish() {
  if (scope_ == Scope::pid_namespace) {
    kill(-1, SIGKILL);
  } else {
    EndDescendants(task_.supervisor_proc >= 0 ? task_.supervisor_proc : task_.proc);
  }
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, 0)) > 0 || (pid < 0 && errno == EINTR);) {
    if (pid == pid_) status_ = status;
  }
  Message ended = NewMessage(Kind::ended);
  ended.status = status_;
  struct rusage usage = {};
  getrusage(RUSAGE_CHILDREN, &usage);
  ended.user_us = static_cast<uint64_t>(usage.ru_utime.tv_sec) * 1000000 + static_cast<uint64_t>(usage.ru_utime.tv_usec);
  ended.system_us = static_cast<uint64_t>(usage.ru_stime.tv_sec) * 1000000 + static_cast<uint64_t>(usage.ru_stime.tv_usec);
  ended.max_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  Send(link_, ended);
  _exit(0);
}

}  // namespace

void Supervise(TaskContext& task, Scope scope, int link) { Supervisor(task, scope, link).run(); }

void EndDescendants(int proc) {
  for (;;) {
    KillChildren(proc);
    // One at least ends now, and its own children become ours.
    const pid_t pid = waitpid(-1, nullptr, 0);
    if (pid < 0 && errno != EINTR) return;
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

int BlockSignals() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  return signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool IsForwarded(int signal) {
  switch (signal) {
    case SIGTERM:
    case SIGINT:
    case SIGHUP:
    case SIGQUIT:
    case SIGUSR1:
    case SIGUSR2:
    case SIGWINCH:
    case SIGALRM:
      return true;
    default:
      return false;
  }
}

}  // namespace launcher
