/** The launcher: started by the addon with a spec at descriptor 3 and a pipe for its answer at 4. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"
#include "init.h"
#include "join.h"
#include "monitor.h"
#include "network.h"
#include "spec.h"

namespace launcher {
namespace {

/** Ignored signals stay ignored over exec: without this the task would inherit what the caller ignores. */
void ResetSignals() {
  for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
}

/** Holds nothing of the caller's: a terminal or pipe of its would stay open as long as the container runs. */
bool ReplaceStreams() {
  // Not closed at exec: it may itself become one of the streams, where the caller had none.
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) return Fail("open /dev/null", "open", "/dev/null");
  for (int stream = 0; stream < 3; stream++) {
    if (null != stream && dup2(null, stream) < 0) return Fail("open /dev/null", "dup2", "/dev/null");
  }
  if (null > STDERR_FILENO) close(null);
  return true;
}

bool Prepare(Spec& spec) {
  constexpr int kCaptureStreams = 2;
  CloseFrom(kCaptureDescriptor + kCaptureStreams, false);
  if (!ReplaceStreams() || !ReadSpec(kSpecDescriptor, spec)) return false;
  close(kSpecDescriptor);
  const bool captures = spec.mode == Mode::join && (spec.join.capture_bytes > 0 || spec.streams.attach);
  if (!captures) CloseFrom(kCaptureDescriptor, false);
  CloseFrom(kResultDescriptor, true);
  if (setsid() < 0) return Fail("make session", "setsid");
  umask(0);
  return chdir("/") == 0 || Fail("enter root", "chdir", "/");
}

}  // namespace
}  // namespace launcher

int main(int argc, char** argv) {
  using namespace launcher;
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  ResetSignals();
  if (argc < 1 || fcntl(kSpecDescriptor, F_GETFD) < 0 || fcntl(kResultDescriptor, F_GETFD) < 0) return 2;
  Spec spec = {};
  if (!Prepare(spec)) {
    Send(kResultDescriptor, FailureMessage());
    return 1;
  }
  prctl(PR_SET_NAME, "proffer-launch", 0, 0, 0);
  if (spec.mode == Mode::join) RunJoin(spec, argv[0]);
  if (spec.mode == Mode::network) RunNetwork(spec);
  RunMonitor(spec, argv[0]);
}
