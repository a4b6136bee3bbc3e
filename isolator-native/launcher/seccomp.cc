#include "seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failure.h"

namespace launcher {

bool InstallSeccomp(const TaskSpec& task) {
  static_assert(sizeof(sock_filter) == sizeof *task.seccomp.items);
  if (task.seccomp.count == 0) return true;
  errno = E2BIG;
  if (task.seccomp.count > BPF_MAXINSNS) return Fail("install seccomp filter", "");
  sock_filter* const filter = reinterpret_cast<sock_filter*>(task.seccomp.items);
  const sock_fprog program = {static_cast<unsigned short>(task.seccomp.count), filter};
  // Without the flag, kernels before 5.16 slow every memory access of the task down.
  const long installed = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_SPEC_ALLOW, &program);
  return installed == 0 || Fail("install seccomp filter", "seccomp");
}

}  // namespace launcher
