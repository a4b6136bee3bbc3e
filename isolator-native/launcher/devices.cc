#include "devices.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"
#include "mount_objects.h"
#include "syscalls.h"

namespace launcher {
namespace {

constexpr struct {
  const char* name;
  unsigned major;
  unsigned minor;
} kNodes[] = {{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}};

constexpr struct {
  const char* name;
  const char* to;
} kLinks[] = {
    {"ptmx", "pts/ptmx"},
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
};

using Path = Text<4096>;

/** A file system of its own in a subdirectory of the new /dev. */
bool AttachBelow(const char* target, const char* name, const char* type, const char* const* options, uint64_t attributes) {
  Path path;
  path << target << "/" << name;
  if (mkdir(path.c_str(), 0755) < 0) return Fail("make /dev", "mkdir", path.c_str());
  const int mount = NewFileSystem(type, options, attributes, "make /dev", path.c_str());
  if (mount < 0) return false;
  const bool attached = Attach(mount, path.c_str(), "make /dev");
  close(mount);
  return attached;
}

}  // namespace

bool DeviceDirectory::take(bool own_user_namespace) {
  own_user_namespace_ = own_user_namespace;
  from_host_ = own_user_namespace || !HasCapability(CAP_MKNOD);
  if (!from_host_) return true;
  int index = 0;
  for (const auto& node : kNodes) {
    Path path;
    path << "/dev/" << node.name;
    nodes_[index] = CopyMount(path.c_str(), false);
    if (nodes_[index++] < 0) return Fail("take device from host", "open_tree", path.c_str());
  }
  return true;
}

bool DeviceDirectory::make_nodes(const char* target) {
  int index = 0;
  for (const auto& node : kNodes) {
    Path path;
    path << target << "/" << node.name;
    if (from_host_) {
      const int mount = nodes_[index++];
      if (!MakeTarget(path.c_str(), false) || !Attach(mount, path.c_str(), "make /dev")) return false;
      close(mount);
    } else if (mknod(path.c_str(), S_IFCHR | 0666, makedev(node.major, node.minor)) < 0) {
      return Fail("make /dev", "mknod", path.c_str());
    }
  }
  return true;
}

bool DeviceDirectory::make_links(const char* target) {
  for (const auto& link : kLinks) {
    Path path;
    path << target << "/" << link.name;
    if (symlink(link.to, path.c_str()) < 0) return Fail("make /dev", "symlink", path.c_str());
  }
  return true;
}

bool DeviceDirectory::attach(const char* target, uint64_t shm_bytes) {
  const char* const options[] = {"mode", "0755", "size", "64k", nullptr};
  const int mount = NewFileSystem("tmpfs", options, kMountNoSetUserId | kMountNoExec, "make /dev", target);
  if (mount < 0 || !MakeTarget(target, true) || !Attach(mount, target, "make /dev")) return false;
  close(mount);
  if (!make_nodes(target) || !make_links(target)) return false;
  // The group that owns terminals does not exist in a user namespace of few ids.
  const char* const terminals[] = {"ptmxmode", "0666", "mode", "0620", own_user_namespace_ ? nullptr : "gid", "5", nullptr};
  if (!AttachBelow(target, "pts", "devpts", terminals, kMountNoSetUserId | kMountNoExec)) return false;
  Text<24> size;
  size << shm_bytes;
  const char* const shared[] = {"mode", "1777", "size", size.c_str(), nullptr};
  return AttachBelow(target, "shm", "tmpfs", shared, kMountNoSetUserId | kMountNoExec | kMountNoDevices);
}

}  // namespace launcher
