#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "failure.h"
#include "syscalls.h"

namespace launcher {
namespace {

bool WriteAll(int fd, const char* text, size_t size) {
  while (size > 0) {
    const ssize_t written = write(fd, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text += written;
    size -= written;
  }
  return true;
}

}  // namespace

bool WriteExisting(int directory, const char* path, const char* text, size_t size, const char* step) {
  const int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return Fail(step, "open", path);
  const bool done = write(fd, text, size) == static_cast<ssize_t>(size);
  const int error = errno;
  close(fd);
  errno = error;
  return done || Fail(step, "write", path);
}

bool ReplaceFile(int directory, const char* name, const char* text, size_t size, const char* step) {
  Text<64> temporary;
  temporary << name << ".tmp";
  const int fd = openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) return Fail(step, "open", temporary.c_str());
  const bool done = WriteAll(fd, text, size);
  const int error = errno;
  close(fd);
  errno = error;
  if (!done) return Fail(step, "write", temporary.c_str());
  return renameat(directory, temporary.c_str(), directory, name) == 0 || Fail(step, "rename", name);
}

ssize_t ReadSmallFile(int directory, const char* path, char* buffer, size_t size) {
  const int fd = openat(directory, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  size_t total = 0;
  ssize_t got;
  while (total < size - 1 && (got = read(fd, buffer + total, size - 1 - total)) > 0) total += got;
  close(fd);
  buffer[total] = 0;
  return static_cast<ssize_t>(total);
}

uint64_t ParseNumber(const char*& text) {
  uint64_t number = 0;
  while (*text >= '0' && *text <= '9') number = number * 10 + static_cast<uint64_t>(*text++ - '0');
  return number;
}

char* LineReader::next() {
  for (;;) {
    char* start = buffer_ + from_;
    buffer_[to_] = 0;
    char* end = strchr(start, '\n');
    if (end != nullptr) {
      *end = 0;
      from_ = static_cast<size_t>(end - buffer_) + 1;
      return start;
    }
    memmove(buffer_, start, to_ - from_);
    to_ -= from_;
    from_ = 0;
    const ssize_t size = to_ + 1 < sizeof buffer_ ? read(fd_, buffer_ + to_, sizeof buffer_ - 1 - to_) : 0;
    if (size <= 0) break;
    to_ += static_cast<size_t>(size);
  }
  if (to_ == 0) return nullptr;
  from_ = to_ = 0;
  return buffer_;
}

uint64_t StartTime(int proc, const char* pid) {
  char buffer[1024];
  Text<64> path;
  path << pid << "/stat";
  if (ReadSmallFile(proc, path.c_str(), buffer, sizeof buffer) <= 0) return 0;
  // The second field is the program's name in parentheses and may hold anything: count from the last parenthesis.
  const char* field = strrchr(buffer, ')');
  for (int number = 2; field != nullptr && number < 22; number++) field = strchr(field + 1, ' ');
  return field != nullptr ? ParseNumber(++field) : 0;
}

void CloseFrom(unsigned first, bool on_exec) {
  if (syscall(SYS_close_range, first, ~0U, on_exec ? kCloseRangeCloseOnExec : 0) == 0) return;
  struct rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  for (unsigned fd = first; fd < limit.rlim_max && fd < (1U << 20); fd++) {
    if (on_exec) {
      fcntl(static_cast<int>(fd), F_SETFD, FD_CLOEXEC);
    } else {
      close(static_cast<int>(fd));
    }
  }
}

uint64_t NowMs() {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

bool HasCapability(int capability) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) < 0) return false;
  return (data[capability / 32].effective >> (capability % 32) & 1) != 0;
}

}  // namespace launcher
