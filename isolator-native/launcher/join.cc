#include "join.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "failure.h"
#include "files.h"
#include "init.h"
#include "mount_objects.h"
#include "syscalls.h"
#include "terminal.h"
#include "watch.h"

namespace launcher {
namespace {

class Join {
 public:
  Join(const Spec& spec, char* title) : spec_(spec.join), stream_spec_(spec.streams), title_(title), console_(spec.streams) {
    task_.spec = &spec.task;
  }

  [[noreturn]] void run();

 private:
  bool start();
  bool enter();
  bool open_capture();
  bool open_session();
  bool clone_supervisor();
  [[noreturn]] void run_supervisor(int link);
  WatchOptions watch_options();

  const JoinSpec& spec_;
  const StreamSpec& stream_spec_;
  char* const title_;
  TaskContext task_;
  Console console_;
  Output outputs_[2];
  Capture captures_[2];
  Stream streams_[2];
  int stream_count_ = 0;
  int signals_ = -1;
  int link_ = -1;
  pid_t child_ = -1;
};

void Join::run() {
  signals_ = BlockSignals();
  Outcome outcome;
  if (start()) {
    outcome = WatchChild(watch_options());
  } else {
    outcome.last = FailureMessage();
  }
  console_.finish(outcome.last.status);
  Send(kResultDescriptor, outcome.last);
  _exit(0);
}

bool Join::start() {
  task_.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (task_.proc < 0) return Fail("open /proc", "open", "/proc");
  task_.input = STDIN_FILENO;
  task_.output = STDOUT_FILENO;
  task_.errors = STDERR_FILENO;
  task_.die_with_parent = true;
  const bool born_inside = (spec_.namespaces & CLONE_NEWUSER) == 0;
  return OpenCgroups(task_.spec->cgroups, born_inside, task_) && open_capture() && open_session() && enter() && clone_supervisor();
}

bool Join::open_capture() {
  if (spec_.capture_bytes == 0) return true;
  stream_count_ = 2;
  for (int i = 0; i < 2; i++) captures_[i].open(kCaptureDescriptor + i, spec_.capture_bytes);
  return streams_[0].open(captures_[0], task_.output) && streams_[1].open(captures_[1], task_.errors);
}

/** One client, connected from the start. */
bool Join::open_session() {
  if (!stream_spec_.attach) return true;
  for (int i = 0; i < 2; i++) outputs_[i].use(nullptr, &console_, i + 1);
  console_.adopt(kCaptureDescriptor);
  if (stream_spec_.input && !stream_spec_.terminal && !console_.open_input(task_.input)) return false;
  stream_count_ = stream_spec_.terminal ? 1 : 2;
  if (stream_spec_.terminal) return true;
  return streams_[0].open(outputs_[0], task_.output) && streams_[1].open(outputs_[1], task_.errors);
}

bool Join::enter() {
  Text<16> pid;
  pid << spec_.init_pid;
  const int container = PidfdOpen(spec_.init_pid);
  if (container < 0) return Fail("find container", "pidfd_open", pid.c_str());
  // With the descriptor held the pid cannot come to mean another process between this look and the entering.
  errno = ESRCH;
  if (StartTime(task_.proc, pid.c_str()) != spec_.init_start) return Fail("find container", "", pid.c_str());
  if (spec_.namespaces != 0) {
    // From here on the container can see this process, and must not reach the host through it.
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0) return Fail("protect launcher", "prctl");
    if (setns(container, static_cast<int>(spec_.namespaces)) < 0) return Fail("enter namespaces", "setns", pid.c_str());
  }
  close(container);
  return true;
}

bool Join::clone_supervisor() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return Fail("start supervisor", "socketpair");
  child_ = Fork(0);
  if (child_ == 0) {
    close(ends[0]);
    run_supervisor(ends[1]);
  }
  close(ends[1]);
  link_ = ends[0];
  if (child_ < 0) return Fail("start supervisor", "clone3");
  CloseStreams(task_);
  return true;
}

/** Its children are found in a /proc of the container's pid namespace, which the host's is not. */
void Join::run_supervisor(int link) {
  for (const int fd : {kResultDescriptor, signals_, streams_[0].fd(), streams_[1].fd()}) {
    if (fd >= 0) close(fd);
  }
  if ((spec_.namespaces & CLONE_NEWPID) != 0) {
    const char* const none[] = {nullptr};
    const int own = NewFileSystem("proc", none, 0, "open /proc of container", "/proc");
    const int proc = own >= 0 ? own : open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (proc >= 0) task_.supervisor_proc = proc;
  }
  console_.close_all();
  Retitle(title_, "proffer-exec");
  if (stream_spec_.terminal && !OpenTerminal(stream_spec_, task_, link)) {
    Send(link, FailureMessage());
    _exit(127);
  }
  Supervise(task_, Scope::descendants, link);
}

WatchOptions Join::watch_options() {
  WatchOptions options;
  options.child = child_;
  options.link = link_;
  options.signals = signals_;
  options.result = kResultDescriptor;
  options.caller_bound = true;
  options.scope = Scope::descendants;
  options.streams = streams_;
  options.stream_count = stream_count_;
  options.console = stream_spec_.attach ? &console_ : nullptr;
  options.terminal_output = &outputs_[0];
  options.timeout_ms = spec_.timeout_ms;
  options.proc = task_.proc;
  options.started = NewMessage(Kind::started);
  options.started.monitor_pid = getpid();
  options.started.init_pid = child_;
  return options;
}

}  // namespace

void RunJoin(const Spec& spec, char* title) { Join(spec, title).run(); }

}  // namespace launcher
