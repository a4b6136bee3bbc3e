#pragma once

#include "spec.h"

namespace launcher {

/**
 * The root and the bind sources of a container in a user namespace, taken by the monitor while it still is who the caller
 * is: directories on the way to them may be closed to the container's root, and only the host's root may shift owners.
 * The init inherits the descriptors.
 */
class HostSources {
 public:
  /** Takes them, where this process has the right to; else the init must. Before the init is cloned. */
  bool take(const LaunchSpec& spec);

  /** Maps the owners of those that are to be shifted by this user namespace. The init must wait for it. */
  bool shift(const LaunchSpec& spec, int user_namespace);

  void close_all();

  /** Not attached anywhere yet; -1: not taken. */
  int root() const { return root_; }
  int mount(uint32_t index) const { return mounts_ == nullptr ? -1 : mounts_[index]; }

 private:
  int root_ = -1;
  int* mounts_ = nullptr;
  uint32_t count_ = 0;
};

}  // namespace launcher
