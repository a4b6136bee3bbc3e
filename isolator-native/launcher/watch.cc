#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"
#include "terminal.h"

namespace launcher {
namespace {

/** How long a supervisor may take to end what it started before it is killed itself. */
constexpr int64_t kEndMs = 5000;
/** What is polled for besides the console: signals, the child, the caller, two streams. */
constexpr int kWaits = 5;

int64_t MonotonicMs() {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

uint64_t Microseconds(const struct timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1000000 + static_cast<uint64_t>(time.tv_usec);
}

class Watcher {
 public:
  explicit Watcher(const WatchOptions& options) : options_(options), link_(options.link) {
    if (options.timeout_ms > 0) deadline_ = MonotonicMs() + options.timeout_ms;
  }

  Outcome run();

 private:
  void turn();
  int wait_ms() const;
  void read_signals();
  void read_link();
  void take(const Message& message);
  void take_terminal(int master);
  bool more(Stream& stream);
  void started();
  void reap();
  void forward(int signal);
  void kill_child();
  void time_out();
  bool watches_caller() const { return options_.result >= 0 && !killed_ && (options_.caller_bound || !outcome_.started); }
  Outcome finish();

  const WatchOptions& options_;
  int link_;
  bool reaped_ = false;
  bool killed_ = false;
  bool timed_out_ = false;
  int64_t deadline_ = 0;
  int child_status_ = 0;
  struct rusage child_usage_ = {};
  Outcome outcome_;
};

Outcome Watcher::run() {
  while (!reaped_) turn();
  return finish();
}

int Watcher::wait_ms() const {
  const int slow = options_.console != nullptr ? options_.console->wait_ms() : -1;
  if (deadline_ == 0) return slow;
  const int64_t left = deadline_ - MonotonicMs();
  const int until = left > 0 ? static_cast<int>(left) : 0;
  return slow >= 0 && slow < until ? slow : until;
}

void Watcher::turn() {
  const int caller = watches_caller() ? options_.result : -1;
  Console* const console = options_.console;
  struct pollfd waits[kWaits + Console::kWaitsMax] = {
      {options_.signals, POLLIN, 0}, {link_, POLLIN, 0}, {caller, 0, 0}, {-1, POLLIN, 0}, {-1, POLLIN, 0}};
  for (int i = 0; i < options_.stream_count; i++) {
    if (!options_.streams[i].full()) waits[3 + i].fd = options_.streams[i].fd();
  }
  if (console != nullptr) console->fill(waits + kWaits);
  const int ready = poll(waits, kWaits + (console != nullptr ? Console::kWaitsMax : 0), wait_ms());
  if (ready < 0) return;
  if (console != nullptr) console->handle(waits + kWaits);
  if (deadline_ != 0 && deadline_ <= MonotonicMs()) return time_out();
  if (waits[1].revents != 0) read_link();
  // Not if the task turned out to run just now: then it is in `state`, and whoever comes next finds it.
  if (waits[2].revents != 0 && watches_caller()) kill_child();
  for (int i = 0; i < options_.stream_count; i++) {
    if (waits[3 + i].revents != 0) options_.streams[i].pump();
  }
  if (waits[0].revents != 0) read_signals();
}

void Watcher::read_signals() {
  struct signalfd_siginfo info;
  while (read(options_.signals, &info, sizeof info) == sizeof info) {
    const int signal = static_cast<int>(info.ssi_signo);
    if (signal == SIGCHLD) {
      reap();
    } else if (signal == kForwardSignal) {
      forward(info.ssi_int);
    } else if (IsForwarded(signal)) {
      forward(signal);
    }
  }
}

void Watcher::read_link() {
  Message message;
  int descriptor = -1;
  const int got = ReceiveWithDescriptor(link_, message, descriptor);
  if (descriptor >= 0) take_terminal(descriptor);
  if (got == 1) return take(message);
  if (got < 0) return;
  link_ = -1;
  if (options_.own_init && outcome_.last.kind != Kind::failed && !killed_) started();
}

void Watcher::take_terminal(int master) {
  if (options_.terminal_output == nullptr) {
    close(master);
    return;
  }
  options_.streams[0].adopt(*options_.terminal_output, master);
  if (options_.console != nullptr) options_.console->use_terminal(master);
}

void Watcher::take(const Message& message) {
  if (message.kind == Kind::started) return started();
  // A failure, or the end; nothing comes after it.
  if (message.kind == Kind::failed || message.kind == Kind::ended) outcome_.last = message;
}

void Watcher::started() {
  if (outcome_.started) return;
  outcome_.started = true;
  outcome_.started_at_ms = NowMs();
  if (options_.result < 0) return;
  Send(options_.result, options_.started);
  if (!options_.caller_bound) close(options_.result);
}

void Watcher::reap() {
  int status = 0;
  struct rusage usage;
  pid_t pid;
  while ((pid = wait4(-1, &status, WNOHANG, &usage)) > 0) {
    if (pid != options_.child) continue;
    reaped_ = true;
    child_status_ = status;
    child_usage_ = usage;
  }
}

void Watcher::forward(int signal) {
  if (signal == SIGKILL) return kill_child();
  if (options_.own_init) {
    kill(options_.child, signal);
  } else {
    sigqueue(options_.child, kForwardSignal, {.sival_int = signal});
  }
}

/** Ending process 1 ends its namespace; a supervisor must live to end what it started. */
void Watcher::kill_child() {
  killed_ = true;
  if (options_.scope == Scope::pid_namespace || !outcome_.started) {
    kill(options_.child, SIGKILL);
  } else {
    sigqueue(options_.child, kForwardSignal, {.sival_int = SIGKILL});
  }
}

void Watcher::time_out() {
  if (timed_out_) {
    kill(options_.child, SIGKILL);
    deadline_ = 0;
    return;
  }
  timed_out_ = true;
  deadline_ = MonotonicMs() + kEndMs;
  kill_child();
}

/** At the end nothing else is going on, and a full client may be waited for. */
bool Watcher::more(Stream& stream) {
  if (stream.pump()) return true;
  return stream.fd() >= 0 && stream.full() && options_.console != nullptr && options_.console->make_room();
}

Outcome Watcher::finish() {
  // First of all: whoever is left may hold the other ends of what is read below.
  if (options_.scope == Scope::descendants) EndDescendants(options_.proc);
  for (Message message; link_ >= 0 && Receive(link_, message) == 1;) take(message);
  for (int i = 0; i < options_.stream_count; i++) {
    while (more(options_.streams[i])) {
    }
  }
  Message& last = outcome_.last;
  last.timed_out = timed_out_;
  if (last.kind == Kind::failed || last.kind == Kind::ended) return outcome_;
  if (options_.own_init && !killed_) started();
  if (!outcome_.started) {
    errno = killed_ ? ECANCELED : ECHILD;
    Fail("start container", "");
    last = FailureMessage();
    return outcome_;
  }
  last = NewMessage(Kind::ended);
  last.timed_out = timed_out_;
  last.status = child_status_;
  last.user_us = Microseconds(child_usage_.ru_utime);
  last.system_us = Microseconds(child_usage_.ru_stime);
  last.max_rss_bytes = static_cast<uint64_t>(child_usage_.ru_maxrss) * 1024;
  return outcome_;
}

}  // namespace

Outcome WatchChild(const WatchOptions& options) { return Watcher(options).run(); }

}  // namespace launcher
