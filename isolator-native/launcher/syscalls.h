#pragma once

/** System calls and constants that older C libraries and kernel headers lack. All exist since Linux 5.12 or before. */

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#ifndef SYS_open_tree
#define SYS_open_tree 428
#define SYS_move_mount 429
#define SYS_fsopen 430
#define SYS_fsconfig 431
#define SYS_fsmount 432
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_clone3
#define SYS_clone3 435
#endif
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

namespace launcher {

constexpr unsigned kOpenTreeClone = 1;
constexpr unsigned kOpenTreeCloseOnExec = O_CLOEXEC;
constexpr unsigned kMoveMountFromEmptyPath = 0x4;
constexpr unsigned kFsOpenCloseOnExec = 1;
constexpr unsigned kFsMountCloseOnExec = 1;
constexpr unsigned kFsConfigSetString = 1;
constexpr unsigned kFsConfigCreate = 6;
constexpr uint64_t kMountReadOnly = 1;
constexpr uint64_t kMountNoSetUserId = 2;
constexpr uint64_t kMountNoDevices = 4;
constexpr uint64_t kMountNoExec = 8;
/** Of mount(2) and, as a propagation, of mount_setattr(2). */
constexpr uint64_t kPropagationSlave = 1 << 19;
/** MOUNT_ATTR_IDMAP: owners go through the map of a user namespace. */
constexpr uint64_t kMountShifted = 0x100000;
/** CLONE_NEWTIME, which older headers lack. */
constexpr int kCloneNewTime = 0x80;
constexpr unsigned kCloseRangeCloseOnExec = 4;
constexpr uint64_t kCloneIntoCgroup = 0x200000000;

struct MountAttributes {
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t user_namespace;
};

struct CloneArguments {
  uint64_t flags;
  uint64_t pidfd;
  uint64_t child_tid;
  uint64_t parent_tid;
  uint64_t exit_signal;
  uint64_t stack;
  uint64_t stack_size;
  uint64_t tls;
  uint64_t set_tid;
  uint64_t set_tid_size;
  uint64_t cgroup;
};

inline int OpenTree(int directory, const char* path, unsigned flags) {
  return syscall(SYS_open_tree, directory, path, flags | kOpenTreeCloseOnExec);
}
inline int MoveMount(int from, const char* to) {
  return syscall(SYS_move_mount, from, "", AT_FDCWD, to, kMoveMountFromEmptyPath);
}
inline int FsOpen(const char* type) { return syscall(SYS_fsopen, type, kFsOpenCloseOnExec); }
inline int FsConfig(int fd, unsigned command, const char* key, const char* value) {
  return syscall(SYS_fsconfig, fd, command, key, value, 0);
}
inline int FsMount(int fd, uint64_t attributes) { return syscall(SYS_fsmount, fd, kFsMountCloseOnExec, attributes); }
inline int MountSetAttributes(int fd, const char* path, unsigned flags, const MountAttributes& attributes) {
  return syscall(SYS_mount_setattr, fd, path, flags, &attributes, sizeof attributes);
}
inline int PidfdOpen(pid_t pid) { return syscall(SYS_pidfd_open, pid, 0); }

/** Like fork with clone's flags; SIGCHLD at the end. With CLONE_VFORK the caller waits for the child's exec or end. */
inline pid_t Fork(uint64_t flags, int cgroup = -1) {
  CloneArguments arguments = {};
  arguments.flags = flags | (cgroup >= 0 ? kCloneIntoCgroup : 0);
  arguments.exit_signal = 17;  // SIGCHLD
  arguments.cgroup = cgroup >= 0 ? cgroup : 0;
  return syscall(SYS_clone3, &arguments, sizeof arguments);
}

}  // namespace launcher
