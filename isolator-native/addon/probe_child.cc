#include "probe_child.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

namespace isolator {
namespace {

/** The same numbers on every machine; older headers lack them. */
constexpr long kSysOpenTree = 428;
constexpr long kSysMountSetattr = 442;
constexpr size_t kStackSize = 64 << 10;
/** "nobody" everywhere, and no user that owns anything. */
constexpr unsigned kUnprivilegedId = 65534;
/** What every container has; the set-up is tried in all of them together. */
constexpr int kContainerNamespaces = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC;
constexpr int kNamespaceFlags[kNamespaceCount] = {CLONE_NEWPID,    CLONE_NEWNS,   CLONE_NEWUTS, CLONE_NEWIPC,
                                                  CLONE_NEWCGROUP, CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWTIME};

alignas(16) char stack[kStackSize];

/** What one trial process does. It shares our memory, and we sleep until it has ended. */
struct Trial {
  bool map_ids = false;
  bool make_time = false;
  ProbeSetup* setup = nullptr;
  int* overlay = nullptr;
  unsigned uid = 0;
  unsigned gid = 0;
  int error = 0;
};

int WriteFile(const char* path, const char* text) {
  const int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return errno;
  const int error = write(fd, text, strlen(text)) < 0 ? errno : 0;
  close(fd);
  return error;
}

/** `0 ID 1`, without the C library's formatting. */
const char* MapLine(unsigned id, char (&line)[32]) {
  char digits[16];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + id % 10);
  while ((id /= 10) > 0);
  char* at = line;
  *at++ = '0';
  *at++ = ' ';
  while (count > 0) *at++ = digits[--count];
  memcpy(at, " 1", 3);
  return line;
}

int MapOwnIds(const Trial& trial) {
  char line[32];
  WriteFile("/proc/self/setgroups", "deny");  // missing before Linux 3.19
  if (const int error = WriteFile("/proc/self/uid_map", MapLine(trial.uid, line))) return error;
  return WriteFile("/proc/self/gid_map", MapLine(trial.gid, line));
}

/**
 * /proc is a directory that every machine has to mount on; all of this is gone with the mount namespace.
 * What a container needs comes first, overlayfs last.
 */
void TrySetup(Trial& trial) {
  ProbeSetup& setup = *trial.setup;
  const auto attempt = [&](const char* step, int result) {
    setup.step = step;
    setup.error = result == 0 ? 0 : errno;
    return result == 0;
  };
  if (!attempt("make mounts private", mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr))) return;
  if (!attempt("mount proc", mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr))) return;
  if (!attempt("mount tmpfs", mount("tmpfs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, "size=1m"))) return;
  for (const char* directory : {"/proc/lower", "/proc/upper", "/proc/work", "/proc/merged"}) mkdir(directory, 0700);
  const char* options = trial.map_ids ? "lowerdir=/proc/lower,upperdir=/proc/upper,workdir=/proc/work,userxattr"
                                      : "lowerdir=/proc/lower,upperdir=/proc/upper,workdir=/proc/work";
  *trial.overlay = mount("overlay", "/proc/merged", "overlay", 0, options) == 0 ? 0 : errno;
}

int RunTrial(void* data) {
  Trial& trial = *static_cast<Trial*>(data);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (trial.map_ids) trial.error = MapOwnIds(trial);
  if (trial.error == 0 && trial.make_time && unshare(CLONE_NEWTIME) < 0) trial.error = errno;
  if (trial.setup != nullptr) {
    trial.setup->step = "map ids";
    trial.setup->error = trial.error;
    if (trial.error == 0) TrySetup(trial);
  }
  _exit(0);
}

/** 0, or the errno of what did not work. */
int Try(int flags, bool with_user, ProbeSetup* setup = nullptr, int* overlay = nullptr) {
  Trial trial;
  trial.map_ids = with_user;
  // clone has no bit for it: the one it would be is part of the exit signal
  trial.make_time = (flags & CLONE_NEWTIME) != 0;
  trial.setup = setup;
  trial.overlay = overlay;
  trial.uid = geteuid();
  trial.gid = getegid();
  if (with_user) flags |= CLONE_NEWUSER;
  flags = (flags & ~CLONE_NEWTIME) | CLONE_VM | CLONE_VFORK | SIGCHLD;
#ifdef __SANITIZE_ADDRESS__
  // The trial before ended without returning, which leaves its frames marked as out of scope.
  __asan_unpoison_memory_region(stack, kStackSize);
#endif
  const int pid = clone(RunTrial, stack + kStackSize, flags, &trial);
  if (pid < 0) {
    if (setup != nullptr) setup->error = errno;
    return errno;
  }
  int status = 0;
  while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR) continue;
  if (setup != nullptr && WIFSIGNALED(status)) setup->error = EINTR;
  return WIFSIGNALED(status) ? EINTR : trial.error;
}

void TryAll(ProbeTrials& trials, bool with_user) {
  for (int i = 0; i < kNamespaceCount; i++) trials.namespaces[i] = Try(kNamespaceFlags[i], with_user);
  Try(kContainerNamespaces, with_user, &trials.setup, &trials.overlay);
}

/** In a process of its own, because it cannot get its rights back. Raw calls: the C library's would ask other threads along. */
void TryUnprivileged(ProbeReport* report) {
  const long pid = syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    syscall(SYS_setgroups, 0, nullptr);
    const bool dropped = syscall(SYS_setresgid, kUnprivilegedId, kUnprivilegedId, kUnprivilegedId) == 0 &&
                         syscall(SYS_setresuid, kUnprivilegedId, kUnprivilegedId, kUnprivilegedId) == 0;
    prctl(PR_SET_DUMPABLE, 1);  // else our own /proc/self would be root's
    int overlay = kNotTried;
    if (dropped) Try(kContainerNamespaces, true, &report->unprivileged, &overlay);
    _exit(0);
  }
  if (pid > 0) {
    while (waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) continue;
  }
}

/** `/proc/PID/NAME`, without the C library's formatting. */
const char* ProcessFile(unsigned pid, const char* name, char (&path)[64]) {
  char digits[16];
  int count = 0;
  do digits[count++] = static_cast<char>('0' + pid % 10);
  while ((pid /= 10) > 0);
  char* at = path;
  memcpy(at, "/proc/", 6);
  at += 6;
  while (count > 0) *at++ = digits[--count];
  *at++ = '/';
  memcpy(at, name, strlen(name) + 1);
  return path;
}

int ShiftRoot(unsigned holder) {
  struct {
    uint64_t set;
    uint64_t clear;
    uint64_t propagation;
    uint64_t user_namespace;
  } attributes = {0x100000 /* MOUNT_ATTR_IDMAP */, 0, 0, 0};
  char path[64];
  if (const int error = WriteFile(ProcessFile(holder, "uid_map", path), "0 0 1")) return error;
  if (const int error = WriteFile(ProcessFile(holder, "gid_map", path), "0 0 1")) return error;
  const int user_namespace = open(ProcessFile(holder, "ns/user", path), O_RDONLY | O_CLOEXEC);
  if (user_namespace < 0) return errno;
  const int tree = static_cast<int>(syscall(kSysOpenTree, AT_FDCWD, "/", 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC));
  int error = tree < 0 ? errno : 0;
  attributes.user_namespace = static_cast<uint64_t>(user_namespace);
  if (tree >= 0 && syscall(kSysMountSetattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes) < 0) error = errno;
  if (tree >= 0) close(tree);
  close(user_namespace);
  return error;
}

/** A process that only waits holds the user namespace whose owners the mount is shown with. */
int TryShiftedMounts() {
  const long holder = syscall(SYS_clone, SIGCHLD | CLONE_NEWUSER, nullptr, nullptr, nullptr, nullptr);
  if (holder < 0) return errno;
  if (holder == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) pause();
  }
  const int error = ShiftRoot(static_cast<unsigned>(holder));
  kill(static_cast<pid_t>(holder), SIGKILL);
  while (waitpid(static_cast<pid_t>(holder), nullptr, __WALL) < 0 && errno == EINTR) continue;
  return error;
}

/** Lowers a hard limit, which all may, and raises it again, which takes the right to. */
int TryRaisingLimits() {
  const rlimit lower = {0, 0};
  const rlimit higher = {0, 1};
  if (setrlimit(RLIMIT_CORE, &lower) < 0) return errno;
  return setrlimit(RLIMIT_CORE, &higher) < 0 ? errno : 0;
}

}  // namespace

void RunProbe(ProbeReport* report) {
  TryAll(report->direct, false);
  TryAll(report->user, true);
  if (geteuid() == 0) TryUnprivileged(report);
  else report->unprivileged = report->user.setup;
  report->raise_limits = TryRaisingLimits();
  report->shifted_mounts = TryShiftedMounts();
}

}  // namespace isolator
