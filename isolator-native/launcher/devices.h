#pragma once

#include <stdint.h>

namespace launcher {

/** A private /dev: a small tmpfs with the usual nodes, its own devpts and its own shm. */
class DeviceDirectory {
 public:
  /** Takes the host's device nodes, where they cannot be made anew. Before anything is mounted. */
  bool take(bool own_user_namespace);
  /** Mounts it all at `target`. */
  bool attach(const char* target, uint64_t shm_bytes);

 private:
  bool make_nodes(const char* target);
  bool make_links(const char* target);

  bool own_user_namespace_ = false;
  bool from_host_ = false;
  int nodes_[6] = {};
};

}  // namespace launcher
