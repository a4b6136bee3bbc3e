#pragma once

#include <stdint.h>
#include <sys/types.h>

namespace launcher {

/** Where output goes; every write takes all it is given, and drops what cannot be kept. */
class Sink {
 public:
  virtual void write(const char* data, size_t size) = 0;
  /** Nothing more should come for a while. */
  virtual bool full() const { return false; }

 protected:
  ~Sink() = default;
};

/**
 * A file that is rotated by size: `stdout`, `stdout.1`, … The directory belongs to the task's user, who may put anything
 * there at any time: only the directory's descriptor is trusted, no link is followed, and files are always made anew.
 */
class LogFile final : public Sink {
 public:
  struct Rotation {
    uint64_t file_bytes;
    uint32_t files;
    uid_t uid;
    gid_t gid;
  };

  int fd() const { return fd_; }
  /** `directory` stays the caller's and must live as long. Appends to a file that is there and safe to append to. */
  bool open(int directory, const char* name, const Rotation& rotation);
  void write(const char* data, size_t size) override;

 private:
  bool open_existing();
  bool create();
  void rotate();

  int directory_ = -1;
  const char* name_ = "";
  Rotation rotation_ = {};
  int fd_ = -1;
  uint64_t size_ = 0;
};

/** The first `limit` bytes, in a file of memory. */
class Capture final : public Sink {
 public:
  void open(int fd, uint64_t limit);
  void write(const char* data, size_t size) override;

 private:
  int fd_ = -1;
  uint64_t left_ = 0;
};

/** The read end of a pipe, or a terminal, and where its bytes go. */
class Stream {
 public:
  /** Makes the pipe; the write end is the task's. */
  bool open(Sink& sink, int& write_end);
  /** Reads from here instead, and owns it. */
  void adopt(Sink& sink, int fd);
  /** -1 once it has ended. */
  int fd() const { return fd_; }
  /** Moves what is there now, some hundred KiB at most. False: nothing more for now, or for ever, or the sink is full. */
  bool pump();
  bool full() const { return sink_ != nullptr && sink_->full(); }

 private:
  int fd_ = -1;
  Sink* sink_ = nullptr;
};

}  // namespace launcher
