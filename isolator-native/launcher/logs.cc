#include "logs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"

namespace launcher {
namespace {

/** A pipe holds as much. */
constexpr size_t kChunk = 64 << 10;
/** Rounds of one pump: the loop must also see signals and the other stream. */
constexpr int kRounds = 8;
/** Attempts to make a file that the task keeps putting something in the way of. */
constexpr int kCreateAttempts = 16;

size_t WriteSome(int fd, const char* data, size_t size) {
  ssize_t written;
  do written = ::write(fd, data, size);
  while (written < 0 && errno == EINTR);
  return written > 0 ? static_cast<size_t>(written) : 0;
}

using Name = Text<64>;

Name Numbered(const char* name, uint32_t number) {
  Name text;
  text << name;
  if (number > 0) text << "." << number;
  return text;
}

}  // namespace

bool LogFile::open(int directory, const char* name, const Rotation& rotation) {
  directory_ = directory;
  name_ = name;
  rotation_ = rotation;
  return open_existing() || create() || Fail("open log", "open", name);
}

bool LogFile::open_existing() {
  const int fd = openat(directory_, name_, O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  struct stat status;
  const bool safe = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid == rotation_.uid;
  if (!safe) {
    close(fd);
    return false;
  }
  fd_ = fd;
  size_ = static_cast<uint64_t>(status.st_size);
  return true;
}

bool LogFile::create() {
  for (int attempt = 0; attempt < kCreateAttempts; attempt++) {
    fd_ = openat(directory_, name_, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd_ >= 0) break;
    if (errno != EEXIST) return false;
    if (unlinkat(directory_, name_, 0) < 0 && errno == EISDIR) unlinkat(directory_, name_, AT_REMOVEDIR);
  }
  size_ = 0;
  if (fd_ < 0) return false;
  // Without the right to give files away the caller's own user is the task's user already.
  if (geteuid() != rotation_.uid || getegid() != rotation_.gid) return fchown(fd_, rotation_.uid, rotation_.gid) == 0;
  return true;
}

void LogFile::rotate() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  for (uint32_t number = rotation_.files - 1; number > 0; number--) {
    renameat(directory_, Numbered(name_, number - 1).c_str(), directory_, Numbered(name_, number).c_str());
  }
  if (rotation_.files == 1) unlinkat(directory_, name_, 0);
  create();
}

void LogFile::write(const char* data, size_t size) {
  while (size > 0) {
    if (size_ >= rotation_.file_bytes) rotate();
    const uint64_t room = rotation_.file_bytes - size_;
    const size_t part = size < room ? size : static_cast<size_t>(room);
    // A full disk must not stop the task: what cannot be written is dropped.
    if (fd_ < 0) return;
    const size_t written = WriteSome(fd_, data, part);
    if (written == 0) return;
    size_ += written;
    data += written;
    size -= written;
  }
}

void Capture::open(int fd, uint64_t limit) {
  fd_ = fd;
  left_ = limit;
}

void Capture::write(const char* data, size_t size) {
  while (size > 0 && left_ > 0) {
    const size_t written = WriteSome(fd_, data, size < left_ ? size : static_cast<size_t>(left_));
    if (written == 0) return;
    left_ -= written;
    data += written;
    size -= written;
  }
}

bool Stream::open(Sink& sink, int& write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return Fail("open log", "pipe2");
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) < 0) return Fail("open log", "fcntl");
  fd_ = ends[0];
  write_end = ends[1];
  sink_ = &sink;
  return true;
}

void Stream::adopt(Sink& sink, int fd) {
  if (fd_ >= 0) close(fd_);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  fd_ = fd;
  sink_ = &sink;
}

bool Stream::pump() {
  static char buffer[kChunk];
  for (int round = 0; round < kRounds && fd_ >= 0; round++) {
    if (sink_->full()) return false;
    const ssize_t size = read(fd_, buffer, sizeof buffer);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return false;
    // A terminal whose last user has gone gives EIO.
    if (size <= 0) {
      close(fd_);
      fd_ = -1;
      return false;
    }
    sink_->write(buffer, static_cast<size_t>(size));
  }
  return fd_ >= 0;
}

}  // namespace launcher
