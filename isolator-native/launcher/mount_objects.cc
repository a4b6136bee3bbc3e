#include "mount_objects.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"
#include "syscalls.h"

namespace launcher {
namespace {

int CreateConfigured(int context, const char* const* options) {
  for (; *options != nullptr; options += 2) {
    if (FsConfig(context, kFsConfigSetString, options[0], options[1]) < 0) return -1;
  }
  return FsConfig(context, kFsConfigCreate, nullptr, nullptr);
}

unsigned long RemountFlags(const struct statfs& status, uint64_t add, uint64_t remove) {
  constexpr struct {
    unsigned long status;
    unsigned long mount;
    uint64_t attribute;
  } kFlags[] = {
      {ST_RDONLY, MS_RDONLY, kMountReadOnly}, {ST_NOSUID, MS_NOSUID, kMountNoSetUserId},
      {ST_NODEV, MS_NODEV, kMountNoDevices},  {ST_NOEXEC, MS_NOEXEC, kMountNoExec},
      {ST_NOATIME, MS_NOATIME, 0},            {ST_NODIRATIME, MS_NODIRATIME, 0},
      {ST_RELATIME, MS_RELATIME, 0},
  };
  unsigned long flags = MS_REMOUNT | MS_BIND;
  for (const auto& flag : kFlags) {
    const bool set = (static_cast<unsigned long>(status.f_flags) & flag.status) != 0 || (add & flag.attribute) != 0;
    if (set && (remove & flag.attribute) == 0) flags |= flag.mount;
  }
  return flags;
}

bool Remount(const char* path, uint64_t add, uint64_t remove) {
  struct statfs status;
  return statfs(path, &status) == 0 && mount(nullptr, path, nullptr, RemountFlags(status, add, remove), nullptr) == 0;
}

/** The mount point of a line of mountinfo, with its octal escapes undone. */
bool MountPoint(char* line, char (&point)[PATH_MAX]) {
  char* field = line;
  for (int i = 0; i < 4 && field != nullptr; i++) {
    field = strchr(field, ' ');
    if (field != nullptr) field++;
  }
  if (field == nullptr) return false;
  size_t size = 0;
  for (; *field != ' ' && *field != 0 && size + 1 < sizeof point; field++) {
    if (field[0] == '\\' && field[1] != 0 && field[2] != 0 && field[3] != 0) {
      point[size++] = static_cast<char>((field[1] - '0') * 64 + (field[2] - '0') * 8 + (field[3] - '0'));
      field += 3;
    } else {
      point[size++] = *field;
    }
  }
  point[size] = 0;
  return true;
}

bool IsBelow(const char* path, const char* top) {
  const size_t length = strcmp(top, "/") == 0 ? 0 : strlen(top);
  return strncmp(path, top, length) == 0 && path[length] == '/';
}

/** One remount per mount, for kernels before 5.12. A mount that is out of sight (under another) cannot be seen inside either. */
bool RemountBelow(const char* top, uint64_t add, uint64_t remove) {
  const int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  LineReader lines(fd);
  bool good = true;
  char point[PATH_MAX];
  for (char* line; good && (line = lines.next()) != nullptr;) {
    if (MountPoint(line, point) && IsBelow(point, top)) good = Remount(point, add, remove) || errno == ENOENT || errno == EINVAL;
  }
  close(fd);
  return good;
}

bool ChangeOneByOne(int mount, uint64_t add, uint64_t remove, bool recursive) {
  Text<32> link;
  link << "/proc/self/fd/" << mount;
  char top[PATH_MAX];
  const ssize_t size = readlink(link.c_str(), top, sizeof top - 1);
  if (size < 0) return false;
  top[size] = 0;
  return Remount(link.c_str(), add, remove) && (!recursive || RemountBelow(top, add, remove));
}

bool MakeParents(const char* path) {
  char part[PATH_MAX];
  const size_t length = strlen(path);
  if (length >= sizeof part) {
    errno = ENAMETOOLONG;
    return false;
  }
  memcpy(part, path, length + 1);
  for (char* slash = strchr(part + 1, '/'); slash != nullptr; slash = strchr(slash + 1, '/')) {
    *slash = 0;
    if (mkdir(part, 0755) < 0 && errno != EEXIST) return false;
    *slash = '/';
  }
  return true;
}

}  // namespace

int NewFileSystem(const char* type, const char* const* options, uint64_t attributes, const char* step, const char* path) {
  const int context = FsOpen(type);
  if (context < 0) {
    Fail(step, "fsopen", path);
    return -1;
  }
  const int created = CreateConfigured(context, options);
  if (created < 0) Fail(step, "fsconfig", path);
  const int mount = created < 0 ? -1 : FsMount(context, attributes);
  if (created == 0 && mount < 0) Fail(step, "fsmount", path);
  close(context);
  return mount;
}

int CopyMount(const char* path, bool recursive) {
  return OpenTree(AT_FDCWD, path, kOpenTreeClone | (recursive ? AT_RECURSIVE : 0));
}

int NewOverlay(const OverlaySpec& overlay, int taken, uint64_t attributes, const char* step, const char* path) {
  // The kernel takes a page of options.
  Text<4096> options;
  const char* const named = path == nullptr ? overlay.directory : path;
  options << "lowerdir=";
  for (uint32_t i = 0; i < overlay.lower.count; i++) options << (i == 0 ? "" : ":") << overlay.lower.items[i];
  if (overlay.upper[0] != 0) options << ",upperdir=" << overlay.upper << ",workdir=" << overlay.work;
  options << ",userxattr";
  if (!options.complete()) {
    errno = E2BIG;
    Fail(step, "mount", named);
    return -1;
  }
  if (taken >= 0 && !Attach(taken, overlay.directory, step)) return -1;
  if ((taken >= 0 ? fchdir(taken) : chdir(overlay.directory)) < 0) {
    Fail(step, "chdir", overlay.directory);
    return -1;
  }
  unsigned long flags = (attributes & kMountNoDevices) != 0 ? MS_NODEV : 0;
  if ((attributes & kMountNoSetUserId) != 0) flags |= MS_NOSUID;
  if ((attributes & kMountReadOnly) != 0) flags |= MS_RDONLY;
  // Attached over the layers for a moment: older kernels copy only what is attached.
  if (mount("overlay", overlay.directory, "overlay", flags, options.c_str()) < 0) {
    Fail(step, "mount", named);
    return -1;
  }
  const int copy = CopyMount(overlay.directory, false);
  if (copy < 0) {
    Fail(step, "open_tree", named);
    return -1;
  }
  if (umount2(overlay.directory, MNT_DETACH) == 0) return copy;
  Fail(step, "umount2", named);
  close(copy);
  return -1;
}

int NewFile(const MountSpec& mount, const char* scratch) {
  Text<24> size;
  // Its own pages and one for the directory.
  size << ((mount.size_bytes + 4095) / 4096 + 1) * 4096;
  const char* const options[] = {"size", size.c_str(), "mode", "0700", nullptr};
  const int memory = NewFileSystem("tmpfs", options, kMountNoSetUserId | kMountNoDevices | kMountNoExec, "mount file", mount.target);
  if (memory < 0) return -1;
  const int file = openat(memory, "file", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  const bool written = file >= 0 && write(file, mount.content, mount.size_bytes) == static_cast<ssize_t>(mount.size_bytes) &&
                       fchown(file, mount.uid, mount.gid) == 0 && fchmod(file, mount.mode) == 0;
  if (!written) Fail("mount file", "write", mount.target);
  if (file >= 0) close(file);
  int copy = -1;
  if (written && Attach(memory, scratch, "mount file")) {
    copy = OpenTree(memory, "file", kOpenTreeClone);
    if (copy < 0) Fail("mount file", "open_tree", mount.target);
    umount2(scratch, MNT_DETACH);
  }
  close(memory);
  return copy;
}

bool MakeSlave(int mount, const char* step, const char* path) {
  const MountAttributes attributes = {0, 0, kPropagationSlave, 0};
  return MountSetAttributes(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, attributes) == 0 || Fail(step, "mount_setattr", path);
}

bool Attach(int mount, const char* target, const char* step) {
  return MoveMount(mount, target) == 0 || Fail(step, "move_mount", target);
}

bool ChangeAttributes(int mount, uint64_t add, uint64_t remove, bool recursive, const char* step, const char* path) {
  const MountAttributes attributes = {add, remove, 0, 0};
  if (MountSetAttributes(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attributes) == 0) return true;
  if (errno != ENOSYS) return Fail(step, "mount_setattr", path);
  return ChangeOneByOne(mount, add, remove, recursive) || Fail(step, "mount", path);
}

bool MakeTarget(const char* path, bool directory) {
  struct stat status;
  if (stat(path, &status) == 0) return true;
  if (!MakeParents(path)) return Fail("make mount point", "mkdir", path);
  if (directory) return mkdir(path, 0755) == 0 || errno == EEXIST || Fail("make mount point", "mkdir", path);
  const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (file < 0) return Fail("make mount point", "open", path);
  close(file);
  return true;
}

}  // namespace launcher
