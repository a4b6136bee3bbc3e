#include "host_sources.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"
#include "mount_objects.h"
#include "syscalls.h"

namespace launcher {
namespace {

/** Of an overlay its layers' directory: the init lays them over each other in its own name. */
const char* RootSource(const LaunchSpec& spec) {
  return spec.root_overlay.directory[0] != 0 ? spec.root_overlay.directory : spec.root;
}

/**
 * A copy that neither hears of the host's mounts nor tells of its own. Left to the init (as -1) by kernels before 5.12, where
 * that takes an attached mount.
 */
bool Take(const char* path, bool recursive, const char* step, int& mount) {
  mount = CopyMount(path, recursive);
  if (mount < 0) return Fail(step, "open_tree", path);
  const MountAttributes attributes = {0, 0, MS_PRIVATE, 0};
  if (MountSetAttributes(mount, "", AT_EMPTY_PATH | AT_RECURSIVE, attributes) == 0) return true;
  const int error = errno;
  close(mount);
  mount = -1;
  errno = error;
  return error == ENOSYS || Fail(step, "mount_setattr", path);
}

bool Shift(int mount, int user_namespace, const char* path) {
  const MountAttributes attributes = {kMountShifted, 0, 0, static_cast<uint64_t>(user_namespace)};
  return MountSetAttributes(mount, "", AT_EMPTY_PATH, attributes) == 0 || Fail("shift owners", "mount_setattr", path);
}

}  // namespace

bool HostSources::take(const LaunchSpec& spec) {
  constexpr uint64_t kBoth = CLONE_NEWUSER | CLONE_NEWNS;
  if ((spec.namespaces & kBoth) != kBoth || !HasCapability(CAP_SYS_ADMIN)) return true;
  mounts_ = static_cast<int*>(calloc(spec.mounts.count + 1, sizeof(int)));
  if (mounts_ == nullptr) return Fail("take bind source", "calloc");
  for (; count_ < spec.mounts.count; count_++) mounts_[count_] = -1;
  const char* const root = RootSource(spec);
  if (strcmp(root, "/") != 0 && !Take(root, !spec.root_shifted, "take root", root_)) return false;
  for (uint32_t i = 0; i < spec.mounts.count; i++) {
    const MountSpec& mount = spec.mounts.items[i];
    if (mount.type != MountType::bind || mount.propagation != Propagation::isolated) continue;
    if (!Take(mount.source, mount.recursive && !mount.shifted, "take bind source", mounts_[i])) return false;
  }
  return true;
}

bool HostSources::shift(const LaunchSpec& spec, int user_namespace) {
  errno = EPERM;
  if (spec.root_shifted && root_ < 0) return Fail("shift owners", "", RootSource(spec));
  if (spec.root_shifted && !Shift(root_, user_namespace, RootSource(spec))) return false;
  for (uint32_t i = 0; i < spec.mounts.count; i++) {
    const MountSpec& mount = spec.mounts.items[i];
    if (!mount.shifted) continue;
    errno = EPERM;
    if (this->mount(i) < 0) return Fail("shift owners", "", mount.source);
    if (!Shift(mounts_[i], user_namespace, mount.source)) return false;
  }
  return true;
}

void HostSources::close_all() {
  if (root_ >= 0) close(root_);
  root_ = -1;
  for (uint32_t i = 0; i < count_; i++) {
    if (mounts_[i] >= 0) close(mounts_[i]);
    mounts_[i] = -1;
  }
}

}  // namespace launcher
