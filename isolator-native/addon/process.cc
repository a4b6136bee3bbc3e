#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "descriptor.h"
#include "errors.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

namespace isolator {
namespace {

/** Descriptors are moved above this first, so that placing them at 3, 4, … in the child never overwrites one of them. */
constexpr int kFirstFreeDescriptor = 64;
/** Where the first descriptor goes in the launcher; the order is: payload, result pipe, then the caller's own. */
constexpr int kFirstChildDescriptor = 3;
/** The child only places descriptors and execs; the C library's wrappers need little more than a page. */
constexpr size_t kChildStackSize = 64 << 10;

struct Child {
  const char* path;
  char* const* argv;
  const int* descriptors;
  int count;
  /** Written by the child, which shares our memory until it execs. */
  volatile int error;
};

/** Runs in the caller's memory, on its own stack, while the calling thread sleeps: only async-signal-safe calls. */
int RunChild(void* data) {
  Child* child = static_cast<Child*>(data);
  for (int i = 0; i < child->count; i++) {
    if (dup2(child->descriptors[i], kFirstChildDescriptor + i) < 0) {
      child->error = errno;
      _exit(127);
    }
  }
  char* const environment[] = {nullptr};
  execve(child->path, child->argv, environment);
  child->error = errno;
  _exit(127);
}

Descriptor MoveUp(Napi::Env env, int fd) {
  Descriptor moved(fcntl(fd, F_DUPFD_CLOEXEC, kFirstFreeDescriptor));
  if (!moved.valid()) throw SystemError(env, errno, "pass descriptor to launcher", "fcntl");
  return moved;
}

/** The payload as a file in memory that nobody can change any more. */
Descriptor SealedFile(Napi::Env env, const uint8_t* data, size_t size) {
  Descriptor file(memfd_create("proffer-spec", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.valid()) throw SystemError(env, errno, "write spec", "memfd_create");
  for (size_t done = 0; done < size;) {
    ssize_t written = write(file.get(), data + done, size - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw SystemError(env, errno, "write spec", "write");
    done += written;
  }
  if (fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0) {
    throw SystemError(env, errno, "write spec", "fcntl");
  }
  return file;
}

/** One clone and exec. The new process shares the caller's memory until exec: no page tables are copied. */
int CloneLauncher(Child& child, Descriptor& pidfd) {
  void* stack = mmap(nullptr, kChildStackSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  if (stack == MAP_FAILED) return -1;
  // No handler of the caller may run in the child: it would work on the caller's memory. The launcher unblocks.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int fd = -1;
  const int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  const int pid = clone(RunChild, static_cast<char*>(stack) + kChildStackSize, flags, &child, &fd);
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  munmap(stack, kChildStackSize);
  pidfd.reset(fd);
  errno = error;
  return pid;
}

Napi::Value Spawn(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  Napi::Object options = info[0].As<Napi::Object>();
  std::string path = options.Get("path").As<Napi::String>();
  std::string name = options.Get("name").As<Napi::String>();
  auto payload = options.Get("payload").As<Napi::Buffer<uint8_t>>();
  auto descriptors = options.Get("descriptors").As<Napi::Array>();

  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) throw SystemError(env, errno, "start launcher", "pipe2");
  Descriptor result(ends[0]);
  Descriptor result_end(ends[1]);

  std::vector<Descriptor> owned;
  owned.push_back(MoveUp(env, SealedFile(env, payload.Data(), payload.Length()).get()));
  owned.push_back(MoveUp(env, result_end.get()));
  for (uint32_t i = 0; i < descriptors.Length(); i++) {
    owned.push_back(MoveUp(env, descriptors.Get(i).As<Napi::Number>().Int32Value()));
  }
  std::vector<int> numbers;
  for (const Descriptor& descriptor : owned) numbers.push_back(descriptor.get());

  char* argv[] = {name.data(), nullptr};
  Child child{path.c_str(), argv, numbers.data(), static_cast<int>(numbers.size()), 0};
  Descriptor pidfd;
  const int pid = CloneLauncher(child, pidfd);
  if (pid < 0) throw SystemError(env, errno, "start launcher", "clone", path);
  if (child.error != 0) {
    waitid(static_cast<idtype_t>(P_PIDFD), pidfd.get(), nullptr, WEXITED | __WALL);
    throw SystemError(env, child.error, "start launcher", "execve", path);
  }
  Napi::Object answer = Napi::Object::New(env);
  answer["pid"] = pid;
  answer["pidfd"] = pidfd.release();
  answer["result"] = result.release();
  return answer;
}

Napi::Value OpenProcess(const Napi::CallbackInfo& info) {
  const int pid = info[0].As<Napi::Number>().Int32Value();
  const int fd = syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0) throw SystemError(info.Env(), errno, "watch process", "pidfd_open", std::to_string(pid));
  return Napi::Number::New(info.Env(), fd);
}

/** With a value the signal is queued (sigqueue), so that several of them keep their order. False: the process is gone. */
Napi::Value SendSignal(const Napi::CallbackInfo& info) {
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const int signal = info[1].As<Napi::Number>().Int32Value();
  siginfo_t details;
  memset(&details, 0, sizeof details);
  details.si_signo = signal;
  details.si_code = SI_QUEUE;
  details.si_pid = getpid();
  details.si_uid = getuid();
  const bool queued = info[2].IsNumber();
  if (queued) details.si_value.sival_int = info[2].As<Napi::Number>().Int32Value();
  const long sent = syscall(SYS_pidfd_send_signal, fd, signal, queued ? &details : nullptr, 0);
  if (sent == 0) return Napi::Boolean::New(info.Env(), true);
  if (errno == ESRCH) return Napi::Boolean::New(info.Env(), false);
  throw SystemError(info.Env(), errno, "send signal", "pidfd_send_signal");
}

/** How a child ended, once; undefined if it runs, was reaped before, or is not a child of this process. */
Napi::Value Reap(const Napi::CallbackInfo& info) {
  siginfo_t details;
  memset(&details, 0, sizeof details);
  const int fd = info[0].As<Napi::Number>().Int32Value();
  if (waitid(static_cast<idtype_t>(P_PIDFD), fd, &details, WEXITED | WNOHANG | __WALL) < 0) return info.Env().Undefined();
  if (details.si_pid == 0) return info.Env().Undefined();
  const bool exited = details.si_code == CLD_EXITED;
  Napi::Object answer = Napi::Object::New(info.Env());
  answer["code"] = exited ? Napi::Value(Napi::Number::New(info.Env(), details.si_status)) : info.Env().Null();
  answer["signal"] = exited ? info.Env().Null() : Napi::Value(Napi::Number::New(info.Env(), details.si_status));
  return answer;
}

/** Two connected stream sockets. */
Napi::Value SocketPair(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) throw SystemError(env, errno, "make socket", "socketpair");
  Napi::Array pair = Napi::Array::New(env, 2);
  pair.Set(0u, Napi::Number::New(env, ends[0]));
  pair.Set(1u, Napi::Number::New(env, ends[1]));
  return pair;
}

Napi::Value MemoryFile(const Napi::CallbackInfo& info) {
  const std::string name = info[0].As<Napi::String>();
  const int fd = memfd_create(name.c_str(), MFD_CLOEXEC);
  if (fd < 0) throw SystemError(info.Env(), errno, "make memory file", "memfd_create", name);
  return Napi::Number::New(info.Env(), fd);
}

}  // namespace

void ExportProcess(Napi::Env env, Napi::Object exports) {
  exports["spawn"] = Napi::Function::New(env, Spawn, "spawn");
  exports["openProcess"] = Napi::Function::New(env, OpenProcess, "openProcess");
  exports["sendSignal"] = Napi::Function::New(env, SendSignal, "sendSignal");
  exports["reap"] = Napi::Function::New(env, Reap, "reap");
  exports["socketPair"] = Napi::Function::New(env, SocketPair, "socketPair");
  exports["memoryFile"] = Napi::Function::New(env, MemoryFile, "memoryFile");
}

}  // namespace isolator
