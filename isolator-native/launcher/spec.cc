#include "spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "failure.h"

namespace launcher {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Reads fields in the order in which src/encode.ts writes them; after a fault every further read gives zero. */
class Reader {
 public:
  Reader(char* data, size_t size) : next_(data), end_(data + size) {}

  bool good() const { return good_ && next_ == end_; }

  uint32_t number() { return scalar<uint32_t>(); }
  uint64_t large() { return scalar<uint64_t>(); }
  bool flag() { return number() != 0; }

  /** A length, the bytes and a zero. */
  char* text() {
    const uint32_t length = number();
    static char empty[1] = "";
    if (!has(size_t{length} + 1) || next_[length] != 0) return empty;
    char* text = next_;
    next_ += length + 1;
    return text;
  }

  /** A count and the items, with one zeroed item after the last. */
  template <typename Item, typename ReadItem>
  List<Item> list(ReadItem read) {
    List<Item> list;
    const uint32_t count = number();
    // Every item takes four bytes at least: a count beyond that is a fault, not a reason to allocate.
    if (!has(size_t{count} * 4)) return list;
    list.items = static_cast<Item*>(calloc(size_t{count} + 1, sizeof(Item)));
    if (list.items == nullptr) {
      good_ = false;
      return list;
    }
    list.count = count;
    for (uint32_t i = 0; i < count; i++) list.items[i] = read();
    return list;
  }

  List<char*> texts() {
    return list<char*>([this] { return text(); });
  }

 private:
  bool has(size_t size) {
    if (static_cast<size_t>(end_ - next_) < size) good_ = false;
    return good_;
  }

  template <typename Value>
  Value scalar() {
    Value value = 0;
    if (!has(sizeof value)) return value;
    memcpy(&value, next_, sizeof value);
    next_ += sizeof value;
    return value;
  }

  char* next_;
  char* end_;
  bool good_ = true;
};

const char* SearchPath(const List<char*>& env) {
  for (const char* entry : env) {
    if (strncmp(entry, "PATH=", 5) == 0) return entry + 5;
  }
  return kDefaultPath;
}

void ReadTask(Reader& reader, TaskSpec& task) {
  task.argv = reader.texts();
  task.env = reader.texts();
  task.search_path = SearchPath(task.env);
  task.cwd = reader.text();
  task.uid = reader.number();
  task.gid = reader.number();
  task.groups = reader.list<uint32_t>([&] { return reader.number(); });
  task.capabilities = reader.large();
  task.no_new_privileges = reader.flag();
  task.umask = reader.number();
  task.has_oom_score = reader.flag();
  task.oom_score = static_cast<int32_t>(reader.number());
  task.limits = reader.list<Limit>([&] { return Limit{reader.number(), reader.large(), reader.large()}; });
  task.cgroups = reader.texts();
  task.cgroup_namespace = reader.flag();
  task.seccomp = reader.list<uint64_t>([&] { return reader.large(); });
}

OverlaySpec ReadOverlay(Reader& reader) {
  OverlaySpec overlay = {};
  overlay.directory = reader.text();
  overlay.lower = reader.texts();
  overlay.upper = reader.text();
  overlay.work = reader.text();
  return overlay;
}

MountSpec ReadMount(Reader& reader) {
  MountSpec mount = {};
  mount.type = static_cast<MountType>(reader.number());
  mount.target = reader.text();
  mount.source = reader.text();
  mount.writable = reader.flag();
  mount.recursive = reader.flag();
  mount.size_bytes = reader.large();
  mount.mode = reader.number();
  mount.executable = reader.flag();
  mount.shifted = reader.flag();
  mount.propagation = static_cast<Propagation>(reader.number());
  mount.content = reader.text();
  mount.uid = reader.number();
  mount.gid = reader.number();
  mount.overlay = ReadOverlay(reader);
  return mount;
}

void ReadLaunch(Reader& reader, LaunchSpec& launch) {
  auto mapping = [&] { return IdMapping{reader.number(), reader.number(), reader.number()}; };
  launch.runtime_dir = reader.text();
  launch.state_head = reader.text();
  launch.namespaces = reader.large();
  launch.uid_map = reader.list<IdMapping>(mapping);
  launch.gid_map = reader.list<IdMapping>(mapping);
  launch.hostname = reader.text();
  launch.root = reader.text();
  launch.root_writable = reader.flag();
  launch.root_overlay = ReadOverlay(reader);
  launch.mounts = reader.list<MountSpec>([&] { return ReadMount(reader); });
  launch.hidden_paths = reader.texts();
  launch.masked_paths = reader.texts();
  launch.readonly_paths = reader.texts();
  launch.log_directory = reader.text();
  launch.log_file_bytes = reader.large();
  launch.log_files = reader.number();
  launch.monitor_cgroups = reader.texts();
  launch.own_init = reader.flag();
  launch.time_namespace = reader.flag();
  launch.time_offset = static_cast<int64_t>(reader.large());
  launch.root_shifted = reader.flag();
  launch.network_path = reader.text();
}

void ReadJoin(Reader& reader, JoinSpec& join) {
  join.init_pid = static_cast<pid_t>(reader.number());
  join.init_start = reader.large();
  join.namespaces = reader.large();
  join.timeout_ms = reader.number();
  join.capture_bytes = reader.large();
}

void ReadNetwork(Reader& reader, NetworkSpec& network) {
  network.action = static_cast<NetworkAction>(reader.number());
  network.name = reader.text();
}

void ReadStreams(Reader& reader, StreamSpec& streams) {
  streams.attach = reader.flag();
  streams.input = reader.flag();
  streams.terminal = reader.flag();
  streams.columns = reader.number();
  streams.rows = reader.number();
}

}  // namespace

bool ReadSpec(int fd, Spec& spec) {
  struct stat status;
  if (fstat(fd, &status) < 0) return Fail("read spec", "fstat");
  void* data = mmap(nullptr, status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) return Fail("read spec", "mmap");
  Reader reader(static_cast<char*>(data), status.st_size);
  const uint32_t magic = reader.number();
  spec.mode = static_cast<Mode>(reader.number());
  ReadTask(reader, spec.task);
  if (spec.mode == Mode::launch) ReadLaunch(reader, spec.launch);
  if (spec.mode == Mode::join) ReadJoin(reader, spec.join);
  if (spec.mode == Mode::launch || spec.mode == Mode::join) ReadStreams(reader, spec.streams);
  if (spec.mode == Mode::network) ReadNetwork(reader, spec.network);
  if (magic == kSpecMagic && reader.good() && spec.task.argv.count > 0) return true;
  errno = EPROTO;
  return Fail("read spec", "");
}

}  // namespace launcher
