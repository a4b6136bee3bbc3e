#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "devices.h"
#include "failure.h"
#include "files.h"
#include "mount_objects.h"
#include "syscalls.h"

namespace launcher {
namespace {

constexpr uint64_t kInert = kMountNoSetUserId | kMountNoDevices;

class Mounts {
 public:
  Mounts(const LaunchSpec& spec, const HostSources& taken, bool own_user_namespace)
      : spec_(spec), taken_(taken), own_user_namespace_(own_user_namespace) {}

  bool set_up() {
    return allocate() && take_propagating_sources() && make_private() && take_sources() && set_up_root() && hide_paths() && attach_all() && mask_paths() &&
           protect_paths() && close_up();
  }

 private:
  bool make_private();
  bool allocate();
  bool take_propagating_sources();
  bool take_sources();
  bool take_source(const MountSpec& mount, int& source);
  bool set_up_root();
  bool share_root();
  bool pivot();
  bool hide_paths();
  bool hide(const char* path, int& kept);
  bool hide_file(const char* path);
  bool attach_all();
  bool attach(const MountSpec& mount, int source);
  bool attach_bind(const MountSpec& mount, int source);
  bool attach_device(const MountSpec& mount, int source);
  bool mask_paths();
  bool protect_paths();
  bool close_up();

  const LaunchSpec& spec_;
  const HostSources& taken_;
  const bool own_user_namespace_;
  /** One per mount of the spec: a bind's source or a /proc, not attached yet. */
  int* sources_ = nullptr;
  /** The host's /dev/null, which hides files. */
  int null_ = -1;
  bool null_attached_ = false;
  /** The root to pivot to. */
  int root_ = -1;
  bool root_closes_ = false;
  /** The empty file systems over hidden directories: mount points may have to be made in them, so they close last. */
  int* hidden_ = nullptr;
  DeviceDirectory devices_;
};

bool IsMissing(int error) { return error == ENOENT || error == ENOTDIR; }

/** Nothing mounted or unmounted on either side shows on the other. */
bool Mounts::make_private() {
  return mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 || Fail("make mounts private", "mount", "/");
}

bool Mounts::allocate() {
  sources_ = static_cast<int*>(calloc(spec_.mounts.count + 1, sizeof(int)));
  hidden_ = static_cast<int*>(calloc(spec_.hidden_paths.count + 1, sizeof(int)));
  return (sources_ != nullptr && hidden_ != nullptr) || Fail("set up mounts", "calloc");
}

/** Taken while they still hear of the host's mounts. */
bool Mounts::take_propagating_sources() {
  for (uint32_t i = 0; i < spec_.mounts.count; i++) {
    const MountSpec& mount = spec_.mounts.items[i];
    sources_[i] = taken_.mount(i);
    if (mount.propagation == Propagation::isolated) continue;
    if (sources_[i] < 0) sources_[i] = CopyMount(mount.source, mount.recursive);
    if (sources_[i] < 0) return Fail("take bind source", "open_tree", mount.source);
    if (mount.propagation == Propagation::slave && !MakeSlave(sources_[i], "take bind source", mount.source)) return false;
  }
  return true;
}

bool Mounts::take_sources() {
  if (spec_.hidden_paths.count + spec_.masked_paths.count > 0) {
    null_ = CopyMount("/dev/null", false);
    if (null_ < 0) return Fail("take device from host", "open_tree", "/dev/null");
  }
  if (spec_.root_overlay.directory[0] != 0) {
    root_ = NewOverlay(spec_.root_overlay, taken_.root(), kMountNoDevices, "mount image");
    if (root_ < 0) return false;
  } else if (strcmp(spec_.root, "/") != 0) {
    root_ = taken_.root() >= 0 ? taken_.root() : CopyMount(spec_.root, true);
    if (root_ < 0) return Fail("take root", "open_tree", spec_.root);
  }
  for (uint32_t i = 0; i < spec_.mounts.count; i++) {
    if (sources_[i] < 0 && !take_source(spec_.mounts.items[i], sources_[i])) return false;
  }
  return true;
}

bool Mounts::take_source(const MountSpec& mount, int& source) {
  const char* const none[] = {nullptr};
  switch (mount.type) {
    case MountType::bind:
      source = CopyMount(mount.source, mount.recursive);
      // In a user namespace mounts below the source cannot be left out: they could uncover what they cover.
      if (source < 0 && errno == EINVAL && own_user_namespace_) source = CopyMount(mount.source, true);
      return source >= 0 || Fail("take bind source", "open_tree", mount.source);
    case MountType::device:
      source = CopyMount(mount.source, false);
      return source >= 0 || Fail("take device from host", "open_tree", mount.source);
    case MountType::proc:
      // Made while the host's /proc is in sight: in a user namespace the kernel asks for that.
      source = NewFileSystem("proc", none, kInert | kMountNoExec, "mount proc", mount.target);
      return source >= 0;
    case MountType::dev:
      return devices_.take(own_user_namespace_);
    case MountType::tmpfs:
      return true;
    case MountType::overlay:
      source = NewOverlay(mount.overlay, -1, kInert | kMountReadOnly, "mount image", mount.target);
      return source >= 0;
    case MountType::file:
      source = NewFile(mount, spec_.runtime_dir);
      return source >= 0;
    case MountType::sys:
      source = NewFileSystem("sysfs", none, kInert | kMountNoExec | kMountReadOnly, "mount sys", mount.target);
      // A user namespace without a network namespace of its own may only show the host's.
      if (source < 0 && errno == EPERM) source = CopyMount("/sys", true);
      return source >= 0 || Fail("mount sys", "open_tree", "/sys");
  }
  errno = EPROTO;
  return Fail("read spec", "", mount.target);
}

bool Mounts::set_up_root() { return root_ < 0 ? share_root() : pivot(); }

bool Mounts::share_root() {
  if (spec_.root_writable) return true;
  const int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0) return Fail("make root read-only", "open", "/");
  const bool done = ChangeAttributes(root, kMountReadOnly, 0, true, "make root read-only", "/");
  close(root);
  return done;
}

bool Mounts::pivot() {
  struct statfs status;
  // The way to its own place may be closed to the container's root; /proc is gone with the old root in a moment.
  if (!Attach(root_, taken_.root() >= 0 ? "/proc" : spec_.root, "mount root")) return false;
  if (fchdir(root_) < 0) return Fail("enter root", "fchdir", spec_.root);
  if (!spec_.root_writable) {
    root_closes_ = fstatfs(root_, &status) == 0 && (status.f_flags & ST_RDONLY) == 0;
    if (!ChangeAttributes(root_, kMountReadOnly, 0, true, "make root read-only", spec_.root)) return false;
    // Its top stays writable until the mount points are made.
    if (root_closes_ && !ChangeAttributes(root_, 0, kMountReadOnly, false, "mount root", spec_.root)) return false;
  }
  if (syscall(SYS_pivot_root, ".", ".") < 0) return Fail("enter root", "pivot_root", spec_.root);
  // The old root now lies over the new one at the same place.
  if (umount2(".", MNT_DETACH) < 0) return Fail("leave old root", "umount2", spec_.root);
  return chdir("/") == 0 || Fail("enter root", "chdir", "/");
}

bool Mounts::hide_paths() {
  for (uint32_t i = 0; i < spec_.hidden_paths.count; i++) {
    if (!hide(spec_.hidden_paths.items[i], hidden_[i])) return false;
  }
  return true;
}

bool Mounts::hide(const char* path, int& kept) {
  kept = -1;
  struct stat status;
  if (stat(path, &status) < 0) {
    // What this user cannot reach, the task cannot reach either.
    return IsMissing(errno) || (errno == EACCES && own_user_namespace_) || Fail("hide path", "stat", path);
  }
  if (S_ISDIR(status.st_mode)) {
    const char* const options[] = {"mode", "0755", "size", "64k", nullptr};
    kept = NewFileSystem("tmpfs", options, kInert | kMountNoExec, "hide path", path);
    return kept >= 0 && Attach(kept, path, "hide path");
  }
  return hide_file(path);
}

/** Before Linux 6.15 only an attached mount can be copied: the first use attaches the one we took, later ones copy that. */
bool Mounts::hide_file(const char* path) {
  if (!null_attached_) {
    null_attached_ = true;
    return Attach(null_, path, "hide path");
  }
  const int copy = OpenTree(null_, "", kOpenTreeClone | AT_EMPTY_PATH);
  if (copy < 0) return Fail("hide path", "open_tree", path);
  const bool attached = Attach(copy, path, "hide path");
  close(copy);
  return attached;
}

bool Mounts::attach_all() {
  for (uint32_t i = 0; i < spec_.mounts.count; i++) {
    if (!attach(spec_.mounts.items[i], sources_[i])) return false;
  }
  return true;
}

bool Mounts::attach(const MountSpec& mount, int source) {
  switch (mount.type) {
    case MountType::bind:
      return attach_bind(mount, source);
    case MountType::device:
      return attach_device(mount, source);
    case MountType::dev:
      return devices_.attach(mount.target, mount.size_bytes);
    case MountType::proc:
      return MakeTarget(mount.target, true) && Attach(source, mount.target, "mount proc");
    case MountType::sys:
      return MakeTarget(mount.target, true) && Attach(source, mount.target, "mount sys") &&
             ChangeAttributes(source, kInert | kMountNoExec | kMountReadOnly, 0, true, "mount sys", mount.target);
    case MountType::overlay:
      return MakeTarget(mount.target, true) && Attach(source, mount.target, "mount image");
    case MountType::file:
      return MakeTarget(mount.target, false) && Attach(source, mount.target, "mount file") &&
             ChangeAttributes(source, kInert | kMountNoExec | kMountReadOnly, 0, false, "mount file", mount.target);
    case MountType::tmpfs:
      break;
  }
  Text<24> size;
  Text<24> mode;
  size << mount.size_bytes;
  // The kernel reads octal digits.
  mode << (mount.mode >> 9 & 7) << (mount.mode >> 6 & 7) << (mount.mode >> 3 & 7) << (mount.mode & 7);
  const char* const options[] = {"size", size.c_str(), "mode", mode.c_str(), nullptr};
  const uint64_t attributes = kInert | (mount.executable ? 0 : kMountNoExec);
  source = NewFileSystem("tmpfs", options, attributes, "mount tmpfs", mount.target);
  return source >= 0 && MakeTarget(mount.target, true) && Attach(source, mount.target, "mount tmpfs");
}

bool Mounts::attach_bind(const MountSpec& mount, int source) {
  struct stat status;
  if (fstat(source, &status) < 0) return Fail("bind", "fstat", mount.source);
  if (!MakeTarget(mount.target, S_ISDIR(status.st_mode))) return false;
  if (!Attach(source, mount.target, "bind")) return false;
  const uint64_t attributes = kInert | (mount.writable ? 0 : kMountReadOnly);
  return ChangeAttributes(source, attributes, 0, true, "bind", mount.target);
}

/** Unlike a bind it may be opened as the device that it is; whether this container may is the cgroup's affair. */
bool Mounts::attach_device(const MountSpec& mount, int source) {
  struct stat status;
  if (fstat(source, &status) < 0) return Fail("show device", "fstat", mount.source);
  errno = ENODEV;
  if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) return Fail("show device", "", mount.source);
  if (!MakeTarget(mount.target, false) || !Attach(source, mount.target, "show device")) return false;
  return ChangeAttributes(source, kMountNoSetUserId | kMountNoExec, 0, false, "show device", mount.target);
}

bool Mounts::mask_paths() {
  for (char* path : spec_.masked_paths) {
    int kept = -1;
    if (!hide(path, kept)) return false;
    if (kept < 0) continue;
    if (!ChangeAttributes(kept, kMountReadOnly, 0, false, "mask path", path)) return false;
    close(kept);
  }
  return true;
}

bool Mounts::protect_paths() {
  for (char* path : spec_.readonly_paths) {
    const int copy = CopyMount(path, true);
    if (copy < 0 && IsMissing(errno)) continue;
    if (copy < 0) return Fail("make path read-only", "open_tree", path);
    if (!Attach(copy, path, "make path read-only")) return false;
    if (!ChangeAttributes(copy, kMountReadOnly, 0, true, "make path read-only", path)) return false;
    close(copy);
  }
  return true;
}

bool Mounts::close_up() {
  for (uint32_t i = 0; i < spec_.hidden_paths.count; i++) {
    if (hidden_[i] < 0) continue;
    if (!ChangeAttributes(hidden_[i], kMountReadOnly, 0, false, "hide path", spec_.hidden_paths.items[i])) return false;
    close(hidden_[i]);
  }
  if (root_closes_ && !ChangeAttributes(root_, kMountReadOnly, 0, false, "make root read-only", spec_.root)) return false;
  for (uint32_t i = 0; i < spec_.mounts.count; i++) {
    if (sources_[i] > 0) close(sources_[i]);
  }
  return chdir("/") == 0 || Fail("enter root", "chdir", "/");
}

}  // namespace

bool SetUpMounts(const LaunchSpec& spec, const HostSources& taken, bool own_user_namespace) {
  return Mounts(spec, taken, own_user_namespace).set_up();
}

}  // namespace launcher
