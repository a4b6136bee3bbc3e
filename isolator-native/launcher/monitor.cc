#include "monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include <initializer_list>

#include "console.h"
#include "failure.h"
#include "files.h"
#include "host_sources.h"
#include "init.h"
#include "network.h"
#include "syscalls.h"
#include "watch.h"

namespace launcher {
namespace {

/** What an id of the container is called here. */
uint32_t Outside(const List<IdMapping>& mappings, uint32_t id) {
  for (const IdMapping& mapping : mappings) {
    if (id - mapping.inside < mapping.count) return mapping.outside + (id - mapping.inside);
  }
  return id;
}

class Monitor {
 public:
  Monitor(const Spec& spec, char* title) : spec_(spec.launch), stream_spec_(spec.streams), title_(title), console_(spec.streams) {
    task_.spec = &spec.task;
  }

  [[noreturn]] void run();

 private:
  bool start();
  bool open_directories();
  bool join_own_cgroups();
  bool open_logs();
  bool open_console();
  bool open_streams();
  bool enter_network() { return spec_.network_path[0] == 0 || EnterNetwork(spec_.network_path); }
  bool shift_clocks();
  bool clone_init();
  [[noreturn]] void run_init(int link);
  bool map_ids();
  bool shift_owners();
  bool map(const char* file, const List<IdMapping>& mappings);
  bool write_state();
  bool caller_waits();
  bool proceed();
  void give_up();
  WatchOptions watch_options();
  void write_exit(const Outcome& outcome);
  void forget();
  bool own_user_namespace() const { return (spec_.namespaces & CLONE_NEWUSER) != 0; }
  Scope scope() const { return (spec_.namespaces & CLONE_NEWPID) != 0 ? Scope::pid_namespace : Scope::descendants; }

  const LaunchSpec& spec_;
  const StreamSpec& stream_spec_;
  char* const title_;
  TaskContext task_;
  HostSources sources_;
  int runtime_ = -1;
  int log_directory_ = -1;
  LogFile logs_[2];
  Console console_;
  Output outputs_[2];
  Stream streams_[2];
  int stream_count_ = 0;
  int signals_ = -1;
  int link_ = -1;
  pid_t init_ = -1;
  bool may_look_ = false;
  uint64_t init_start_ = 0;
  uint64_t start_ = 0;
  uint64_t launched_at_ms_ = 0;
};

void Monitor::run() {
  signals_ = BlockSignals();
  Outcome outcome;
  const bool good = start();
  if (good) {
    outcome = WatchChild(watch_options());
  } else {
    outcome.last = FailureMessage();
    give_up();
  }
  write_exit(outcome);
  console_.finish(outcome.last.status);
  console_.remove(runtime_);
  if (!outcome.started && Send(kResultDescriptor, outcome.last)) forget();
  _exit(0);
}

bool Monitor::start() {
  return open_directories() && join_own_cgroups() && OpenCgroups(task_.spec->cgroups, !own_user_namespace(), task_) &&
         open_logs() && open_console() && open_streams() && sources_.take(spec_) && shift_clocks() && enter_network() && clone_init() && map_ids() && write_state() && caller_waits() && proceed();
}

bool Monitor::open_directories() {
  runtime_ = open(spec_.runtime_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (runtime_ < 0) return Fail("open runtime directory", "open", spec_.runtime_dir);
  for (const char* name : {"state", "exit"}) {
    if (faccessat(runtime_, name, F_OK, 0) < 0) continue;
    // Another container's: its files stay as they are.
    close(runtime_);
    runtime_ = -1;
    errno = EEXIST;
    return Fail("use runtime directory", "", spec_.runtime_dir);
  }
  task_.proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (task_.proc < 0) return Fail("open /proc", "open", "/proc");
  task_.input = STDIN_FILENO;
  task_.output = STDOUT_FILENO;
  task_.errors = STDERR_FILENO;
  return true;
}

bool Monitor::join_own_cgroups() {
  for (const char* path : spec_.monitor_cgroups) {
    const int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return Fail("open monitor cgroup", "open", path);
    const bool joined = WriteExisting(directory, "cgroup.procs", "0", 1, "join monitor cgroup");
    close(directory);
    if (!joined) return false;
  }
  return true;
}

bool Monitor::open_logs() {
  if (spec_.log_directory[0] == 0) return true;
  log_directory_ = open(spec_.log_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (log_directory_ < 0) return Fail("open log directory", "open", spec_.log_directory);
  const uid_t uid = Outside(spec_.uid_map, task_.spec->uid);
  const gid_t gid = Outside(spec_.gid_map, task_.spec->gid);
  const LogFile::Rotation rotation = {spec_.log_file_bytes, spec_.log_files, uid, gid};
  return logs_[0].open(log_directory_, "stdout", rotation) && logs_[1].open(log_directory_, "stderr", rotation);
}

bool Monitor::open_console() {
  if (stream_spec_.input && !stream_spec_.terminal && !console_.open_input(task_.input)) return false;
  return !stream_spec_.attach || console_.listen(runtime_);
}

/** A terminal has one output; its descriptor comes from the init, where the container's own /dev is. */
bool Monitor::open_streams() {
  const bool logs = spec_.log_directory[0] != 0;
  for (int i = 0; i < 2; i++) outputs_[i].use(logs ? &logs_[i] : nullptr, stream_spec_.attach ? &console_ : nullptr, i + 1);
  if (stream_spec_.terminal) stream_count_ = 1;
  if (stream_spec_.terminal || !(logs || stream_spec_.attach)) return true;
  stream_count_ = 2;
  return streams_[0].open(outputs_[0], task_.output) && streams_[1].open(outputs_[1], task_.errors);
}

/** Not this process's own clocks: what it starts from now on is in the new namespace. */
bool Monitor::shift_clocks() {
  if (!spec_.time_namespace) return true;
  if (unshare(kCloneNewTime) < 0) return Fail("make time namespace", "unshare");
  Text<128> offsets;
  offsets << "monotonic " << spec_.time_offset << " 0\nboottime " << spec_.time_offset << " 0\n";
  return WriteExisting(task_.proc, "self/timens_offsets", offsets.c_str(), offsets.size(), "shift clocks");
}

bool Monitor::clone_init() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return Fail("start init", "socketpair");
  if (scope() == Scope::descendants && prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0) return Fail("start init", "prctl");
  // Asked here: inside a new user namespace every capability seems to be there.
  may_look_ = HasCapability(CAP_SYS_PTRACE);
  // A task that is its own init must be born in its cgroup itself.
  init_ = Fork(spec_.namespaces, spec_.own_init ? task_.birth_cgroup : -1);
  if (init_ == 0) {
    close(ends[0]);
    run_init(ends[1]);
  }
  const int error = errno;
  close(ends[1]);
  link_ = ends[0];
  errno = error;
  if (init_ < 0) return Fail("make namespaces", "clone3");
  CloseStreams(task_);
  return true;
}

/** Nothing of the monitor's stays open in the init. */
void Monitor::run_init(int link) {
  const int own[] = {kResultDescriptor, signals_,      runtime_,          log_directory_,
                     logs_[0].fd(),     logs_[1].fd(), streams_[0].fd(), streams_[1].fd()};
  for (const int fd : own) {
    if (fd >= 0) close(fd);
  }
  console_.close_all();
  InitOptions options;
  options.spec = &spec_;
  options.task = &task_;
  options.streams = &stream_spec_;
  options.sources = &sources_;
  options.link = link;
  options.title = title_;
  options.visible = !may_look_;
  RunInit(options);
}

bool Monitor::map(const char* file, const List<IdMapping>& mappings) {
  Text<64> path;
  Text<4096> text;
  path << init_ << "/" << file;
  for (const IdMapping& mapping : mappings) text << mapping.inside << " " << mapping.outside << " " << mapping.count << "\n";
  return WriteExisting(task_.proc, path.c_str(), text.c_str(), text.size(), "map ids");
}

bool Monitor::map_ids() {
  if (!own_user_namespace()) return true;
  if (!HasCapability(CAP_SETGID)) {
    // The kernel's condition for mapping one's own group without privileges.
    Text<64> path;
    path << init_ << "/setgroups";
    if (!WriteExisting(task_.proc, path.c_str(), "deny", 4, "map ids")) return false;
  }
  return map("uid_map", spec_.uid_map) && map("gid_map", spec_.gid_map) && shift_owners() && proceed();
}

bool Monitor::shift_owners() {
  Text<64> path;
  path << init_ << "/ns/user";
  const int user_namespace = openat(task_.proc, path.c_str(), O_RDONLY | O_CLOEXEC);
  if (user_namespace < 0) return Fail("shift owners", "open", path.c_str());
  const bool shifted = sources_.shift(spec_, user_namespace);
  close(user_namespace);
  sources_.close_all();
  return shifted;
}

bool Monitor::write_state() {
  Text<16> pid;
  pid << init_;
  start_ = StartTime(task_.proc, "self");
  init_start_ = StartTime(task_.proc, pid.c_str());
  Text<32 << 10> state;
  launched_at_ms_ = NowMs();
  state << spec_.state_head << ",\"startedAt\":" << launched_at_ms_;
  state << ",\"monitor\":{\"pid\":" << getpid() << ",\"startTime\":" << start_;
  state << "},\"init\":{\"pid\":" << init_ << ",\"startTime\":" << init_start_ << "}}\n";
  errno = EFBIG;
  if (!state.complete()) return Fail("write state", "", spec_.runtime_dir);
  return ReplaceFile(runtime_, "state", state.c_str(), state.size(), "write state");
}

/**
 * Only now, with `state` on disk: a later caller either finds it, or looked before it was written, and then nothing may
 * start any more.
 */
bool Monitor::caller_waits() {
  struct pollfd caller = {kResultDescriptor, 0, 0};
  const bool gone = poll(&caller, 1, 0) > 0;
  errno = ECANCELED;
  return !gone || Fail("start container", "");
}

bool Monitor::proceed() {
  // A child that failed has said why: its message is read later.
  Send(link_, NewMessage(Kind::proceed));
  return true;
}

void Monitor::give_up() {
  if (init_ <= 0) return;
  kill(init_, SIGKILL);
  waitpid(init_, nullptr, 0);
}

WatchOptions Monitor::watch_options() {
  WatchOptions options;
  options.child = init_;
  options.link = link_;
  options.signals = signals_;
  options.result = kResultDescriptor;
  options.scope = scope();
  options.own_init = spec_.own_init;
  options.streams = streams_;
  options.stream_count = stream_count_;
  options.console = stream_spec_.attach || stream_spec_.input ? &console_ : nullptr;
  options.terminal_output = &outputs_[0];
  options.proc = task_.proc;
  options.started = NewMessage(Kind::started);
  options.started.monitor_pid = getpid();
  options.started.monitor_start = start_;
  options.started.init_pid = init_;
  options.started.init_start = init_start_;
  options.started.launched_at_ms = launched_at_ms_;
  return options;
}

void Monitor::write_exit(const Outcome& outcome) {
  if (runtime_ < 0) return;
  const Message& last = outcome.last;
  const uint64_t now = NowMs();
  Text<16 << 10> text;
  text << "{\"version\":1,";
  if (!outcome.started) {
    text << "\"error\":{\"errno\":" << last.error << ",\"step\":\"";
    text.json(last.step) << "\",\"syscall\":\"";
    text.json(last.syscall) << "\",\"path\":\"";
    text.json(last.path) << "\"},\"finishedAt\":" << now << "}\n";
  } else {
    text << "\"code\":";
    if (WIFEXITED(last.status)) text << WEXITSTATUS(last.status) << ",\"signal\":null";
    else text << "null,\"signal\":" << WTERMSIG(last.status);
    text << ",\"core\":" << (WIFSIGNALED(last.status) && WCOREDUMP(last.status) ? "true" : "false");
    text << ",\"startedAt\":" << outcome.started_at_ms << ",\"finishedAt\":" << now;
    text << ",\"usage\":{\"userUs\":" << last.user_us << ",\"systemUs\":" << last.system_us;
    text << ",\"maxRssBytes\":" << last.max_rss_bytes << "}}\n";
  }
  ReplaceFile(runtime_, "exit", text.c_str(), text.size(), "write exit");
}

/** The caller knows that nothing was started: no trace is left for a later one. */
void Monitor::forget() {
  if (runtime_ < 0) return;
  for (const char* name : {"state", "exit"}) unlinkat(runtime_, name, 0);
}

}  // namespace

void RunMonitor(const Spec& spec, char* title) { Monitor(spec, title).run(); }

}  // namespace launcher
