#include "probe.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <new>

#include "errors.h"
#include "probe_child.h"

namespace isolator {
namespace {

/** A probe takes milliseconds; one that hangs in the kernel must not hang its caller. */
constexpr unsigned kProbeSecondsMax = 5;

Napi::Object SetupObject(Napi::Env env, const ProbeSetup& setup) {
  Napi::Object object = Napi::Object::New(env);
  object["step"] = setup.step;
  object["errno"] = setup.error;
  return object;
}

Napi::Object TrialsObject(Napi::Env env, const ProbeTrials& trials) {
  Napi::Object object = Napi::Object::New(env);
  for (int i = 0; i < kNamespaceCount; i++) object[kNamespaceNames[i]] = trials.namespaces[i];
  object["setup"] = SetupObject(env, trials.setup);
  object["overlay"] = trials.overlay;
  return object;
}

/** A fork without what the C library runs around one: the child calls nothing that would need it. */
void ForkProbe(Napi::Env env, ProbeReport* report) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const long pid = syscall(SYS_clone, 0, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) {
    // No handler of the caller may run here; only the alarm gets through, and ends us.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGALRM, SIG_DFL);
    sigset_t alarm_only;
    sigemptyset(&alarm_only);
    sigaddset(&alarm_only, SIGALRM);
    pthread_sigmask(SIG_UNBLOCK, &alarm_only, nullptr);
    alarm(kProbeSecondsMax);
    RunProbe(report);
    _exit(0);
  }
  const int error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) throw SystemError(env, error, "probe namespaces", "clone");
  while (waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) continue;
}

Napi::Value ProbeKernel(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  void* shared = mmap(nullptr, sizeof(ProbeReport), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw SystemError(env, errno, "probe namespaces", "mmap");
  ProbeReport* report = new (shared) ProbeReport();
  try {
    ForkProbe(env, report);
  } catch (...) {
    munmap(shared, sizeof(ProbeReport));
    throw;
  }
  Napi::Object answer = Napi::Object::New(env);
  answer["direct"] = TrialsObject(env, report->direct);
  answer["user"] = TrialsObject(env, report->user);
  answer["unprivileged"] = SetupObject(env, report->unprivileged);
  answer["raiseLimits"] = report->raise_limits;
  answer["shiftedMounts"] = report->shifted_mounts;
  munmap(shared, sizeof(ProbeReport));
  return answer;
}

}  // namespace
}  // namespace isolator

void ExportProbe(Napi::Env env, Napi::Object exports) {
  exports["probeKernel"] = Napi::Function::New(env, isolator::ProbeKernel, "probeKernel");
}
