#include "network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/sockios.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"

namespace launcher {
namespace {

/** A socket of any kind reaches the interfaces of the network namespace it is made in. */
class Interfaces {
 public:
  Interfaces() : fd_(static_cast<int>(syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0))) {}
  ~Interfaces() {
    if (fd_ >= 0) close(fd_);
  }
  int set_up(const char* name, bool up) {
    struct ifreq request = {};
    if (!Name(request, name) || syscall(SYS_ioctl, fd_, SIOCGIFFLAGS, &request) < 0) return -1;
    request.ifr_flags = static_cast<short>(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
    return static_cast<int>(syscall(SYS_ioctl, fd_, SIOCSIFFLAGS, &request));
  }
  int remove_bridge(const char* name) { return static_cast<int>(syscall(SYS_ioctl, fd_, SIOCBRDELBR, name)); }

 private:
  static bool Name(struct ifreq& request, const char* name) {
    size_t size = 0;
    for (; name[size] != 0 && size + 1 < sizeof request.ifr_name; size++) request.ifr_name[size] = name[size];
    errno = ENAMETOOLONG;
    return name[size] == 0;
  }

  const int fd_;
};

/** The file is the namespace's name: it lives as long as it is mounted there, whoever is in it. */
bool Make(const char* path) {
  if (unshare(CLONE_NEWNET) < 0) return Fail("make network namespace", "unshare");
  if (!LoopbackUp()) return false;
  const int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
  if (file < 0) return Fail("make network namespace", "open", path);
  close(file);
  if (mount("/proc/self/ns/net", path, "", MS_BIND, nullptr) == 0) return true;
  Fail("make network namespace", "mount", path);
  unlinkat(AT_FDCWD, path, 0);
  return false;
}

/** Gone already is as good; the namespace itself goes when the last process in it has ended. */
bool Remove(const char* path) {
  if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT) {
    return Fail("remove network namespace", "umount2", path);
  }
  if (unlinkat(AT_FDCWD, path, 0) < 0 && errno != ENOENT) return Fail("remove network namespace", "unlink", path);
  return true;
}

bool RemoveBridge(const char* name) {
  Interfaces interfaces;
  if (interfaces.set_up(name, false) < 0) return errno == ENODEV || Fail("remove bridge", "ioctl", name);
  return interfaces.remove_bridge(name) == 0 || errno == ENXIO || Fail("remove bridge", "ioctl", name);
}

bool Work(const NetworkSpec& spec) {
  switch (spec.action) {
    case NetworkAction::make:
      return Make(spec.name);
    case NetworkAction::remove:
      return Remove(spec.name);
    case NetworkAction::remove_bridge:
      return RemoveBridge(spec.name);
  }
  errno = EPROTO;
  return Fail("read spec", "");
}

}  // namespace

bool LoopbackUp() {
  Interfaces interfaces;
  return interfaces.set_up("lo", true) == 0 || Fail("bring up loopback", "ioctl", "lo");
}

bool EnterNetwork(const char* path) {
  const int network = open(path, O_RDONLY | O_CLOEXEC);
  if (network < 0) return Fail("enter network namespace", "open", path);
  const bool entered = setns(network, CLONE_NEWNET) == 0 || Fail("enter network namespace", "setns", path);
  close(network);
  return entered;
}

void RunNetwork(const Spec& spec) {
  Send(kResultDescriptor, Work(spec.network) ? NewMessage(Kind::ended) : FailureMessage());
  _exit(0);
}

}  // namespace launcher
