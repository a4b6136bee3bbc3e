#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

namespace launcher {

/** A list inside the decoded spec; the memory lives as long as the process. */
template <typename Item>
struct List {
  Item* items = nullptr;
  uint32_t count = 0;
  Item* begin() const { return items; }
  Item* end() const { return items + count; }
};

struct Limit {
  uint32_t resource;
  uint64_t soft;
  uint64_t hard;
};

/** What the task needs, launched or joined. */
struct TaskSpec {
  /** Both end with a null pointer. */
  List<char*> argv;
  List<char*> env;
  char* cwd;
  /** The PATH of `env`, or the usual one. */
  const char* search_path;
  uid_t uid;
  gid_t gid;
  List<uint32_t> groups;
  uint64_t capabilities;
  bool no_new_privileges;
  uint32_t umask;
  bool has_oom_score;
  int32_t oom_score;
  List<Limit> limits;
  /** cgroup directories to be inside. */
  List<char*> cgroups;
  bool cgroup_namespace;
  /** A filter of struct sock_filter; empty: none. */
  List<uint64_t> seccomp;
};

/** How the task's streams are reached from outside. */
struct StreamSpec {
  /** Clients may attach: at a socket in the runtime directory; of a joined command exactly one, which is connected already. */
  bool attach;
  /** Standard input stays open for clients; else it is /dev/null. */
  bool input;
  /** A terminal in place of pipes. */
  bool terminal;
  uint32_t columns;
  uint32_t rows;
};

struct IdMapping {
  uint32_t inside;
  uint32_t outside;
  uint32_t count;
};

enum class MountType : uint32_t { bind = 1, tmpfs = 2, proc = 3, dev = 4, device = 5, overlay = 6, file = 7, sys = 8 };

enum class Propagation : uint32_t { isolated = 0, slave = 1, shared = 2 };

/** Directories laid over each other; all relative to `directory`, so that many fit into one mount call. */
struct OverlaySpec {
  /** Empty: no overlay. */
  char* directory;
  /** The uppermost first. */
  List<char*> lower;
  /** Both empty: nothing can be written. */
  char* upper;
  char* work;
};

struct MountSpec {
  MountType type;
  char* target;
  /** bind only. */
  char* source;
  bool writable;
  bool recursive;
  /** tmpfs: the file system; dev: its shm. */
  uint64_t size_bytes;
  uint32_t mode;
  bool executable;
  /** bind only: owners appear as the container's user namespace maps them. */
  bool shifted;
  /** bind only. */
  Propagation propagation;
  /** file only: its bytes, `size_bytes` of them, and its owner. */
  char* content;
  uint32_t uid;
  uint32_t gid;
  /** overlay only. */
  OverlaySpec overlay;
};

struct LaunchSpec {
  char* runtime_dir;
  /** The beginning of `state`: a JSON object without its closing brace. */
  char* state_head;
  /** CLONE_NEW* of the container's init; the cgroup namespace is the task's affair. */
  uint64_t namespaces;
  List<IdMapping> uid_map;
  List<IdMapping> gid_map;
  /** Empty: the caller's stays. */
  char* hostname;
  char* root;
  bool root_writable;
  /** With one, `root` is only where it is attached. */
  OverlaySpec root_overlay;
  List<MountSpec> mounts;
  List<char*> hidden_paths;
  List<char*> masked_paths;
  List<char*> readonly_paths;
  /** Empty: output is discarded. */
  char* log_directory;
  uint64_t log_file_bytes;
  uint32_t log_files;
  List<char*> monitor_cgroups;
  bool own_init;
  bool time_namespace;
  /** Seconds added to the clocks that start at boot. */
  int64_t time_offset;
  /** The root's owners appear as the container's user namespace maps them. */
  bool root_shifted;
  /** File of the network namespace to enter; empty: the caller's, or a new one by `namespaces`. */
  char* network_path;
};

struct JoinSpec {
  pid_t init_pid;
  uint64_t init_start;
  /** CLONE_NEW* to enter. */
  uint64_t namespaces;
  /** 0: no limit. */
  uint32_t timeout_ms;
  /** Per stream; 0: output is discarded. */
  uint64_t capture_bytes;
};

enum class NetworkAction : uint32_t { make = 1, remove = 2, remove_bridge = 3 };

struct NetworkSpec {
  NetworkAction action;
  /** The namespace's file, or the bridge. */
  char* name;
};

struct Spec {
  Mode mode;
  TaskSpec task;
  LaunchSpec launch;
  JoinSpec join;
  StreamSpec streams;
  NetworkSpec network;
};

/** Maps and decodes the payload at `fd`; strings point into it. Fails with EPROTO on one of another build. */
bool ReadSpec(int fd, Spec& spec);

}  // namespace launcher
