#include "cgroup_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "descriptor.h"

namespace isolator {
namespace {

/** More than any file but a process list needs: those grow the buffer. */
constexpr size_t kFirstRead = 8 << 10;

}  // namespace

std::vector<std::string> ChildCgroups(const std::string& directory) {
  std::vector<std::string> names;
  DIR* stream = opendir(directory.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = readdir(stream)) {
    const std::string name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") names.push_back(name);
  }
  closedir(stream);
  return names;
}

void VisitCgroups(const std::string& directory, const std::function<void(const std::string&)>& visit) {
  for (const std::string& name : ChildCgroups(directory)) VisitCgroups(directory + "/" + name, visit);
  visit(directory);
}

bool ReadPids(const std::string& directory, std::vector<int>& pids) {
  std::string text;
  const int error = ReadWhole(directory + "/cgroup.procs", text);
  if (error != 0) {
    errno = error;
    return false;
  }
  const char* at = text.c_str();
  while (*at != '\0') {
    char* end = nullptr;
    const long pid = strtol(at, &end, 10);
    if (end == at) break;
    pids.push_back(static_cast<int>(pid));
    at = *end == '\n' ? end + 1 : end;
  }
  return true;
}

int ReadWhole(const std::string& path, std::string& text) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return errno;
  size_t size = 0;
  text.resize(kFirstRead);
  for (;;) {
    if (size == text.size()) text.resize(text.size() * 2);
    const ssize_t count = read(file.get(), text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) break;
    size += count;
  }
  text.resize(size);
  return 0;
}

int WriteWhole(const std::string& path, const std::string& text) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file.valid()) return errno;
  ssize_t written = 0;
  do written = write(file.get(), text.data(), text.size());
  while (written < 0 && errno == EINTR);
  return written < 0 ? errno : 0;
}

}  // namespace isolator
