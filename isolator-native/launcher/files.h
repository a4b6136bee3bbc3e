#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

namespace launcher {

/** Text of bounded size, built without allocation. What does not fit is cut off, and `complete()` tells. */
template <size_t Size>
class Text {
 public:
  Text() { data_[0] = 0; }

  Text& operator<<(const char* text) {
    while (*text != 0) put(*text++);
    return *this;
  }
  Text& operator<<(uint64_t number) {
    char digits[20];
    int count = 0;
    do digits[count++] = static_cast<char>('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0) put(digits[--count]);
    return *this;
  }
  Text& operator<<(int64_t number) {
    if (number < 0) put('-');
    return *this << (number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number));
  }
  Text& operator<<(uint32_t number) { return *this << uint64_t{number}; }
  Text& operator<<(int32_t number) { return *this << int64_t{number}; }

  /** As the inside of a JSON string. */
  Text& json(const char* text) {
    static const char* hex = "0123456789abcdef";
    for (; *text != 0; text++) {
      const unsigned char byte = *text;
      if (byte == '"' || byte == '\\') put('\\');
      if (byte >= 0x20) {
        put(*text);
      } else {
        *this << "\\u00";
        put(hex[byte >> 4]);
        put(hex[byte & 15]);
      }
    }
    return *this;
  }

  const char* c_str() const { return data_; }
  size_t size() const { return size_; }
  bool complete() const { return complete_; }

 private:
  void put(char byte) {
    if (size_ + 1 < Size) {
      data_[size_++] = byte;
      data_[size_] = 0;
    } else {
      complete_ = false;
    }
  }

  /** Not zeroed as a whole: pages that are not written to cost nothing. */
  char data_[Size];
  size_t size_ = 0;
  bool complete_ = true;
};

/** Writes `text` to an existing file (of /proc, of a cgroup) in one write. */
bool WriteExisting(int directory, const char* path, const char* text, size_t size, const char* step);

/** Makes or replaces `name` in a directory: written to a temporary name, then renamed. */
bool ReplaceFile(int directory, const char* name, const char* text, size_t size, const char* step);

/** Reads up to `size - 1` bytes and ends them with a zero; the number of bytes, or -1. */
ssize_t ReadSmallFile(int directory, const char* path, char* buffer, size_t size);

/** Reads a decimal number and moves on behind it; 0 where there is none. */
uint64_t ParseNumber(const char*& text);

/** Lines of a text file, one after the other; longer ones than the buffer are cut. */
class LineReader {
 public:
  explicit LineReader(int fd) : fd_(fd) {}
  /** The next line without its end, valid until the next call; null at the end of the file. */
  char* next();

 private:
  int fd_;
  size_t from_ = 0;
  size_t to_ = 0;
  char buffer_[16 << 10];
};

/** When a process started, in clock ticks since boot; 0 if there is none. `proc` is a descriptor of a /proc. */
uint64_t StartTime(int proc, const char* pid);

/** Closes every descriptor from `first` on; with `on_exec` only at the next exec. */
void CloseFrom(unsigned first, bool on_exec);

/** Milliseconds since the epoch. */
uint64_t NowMs();

/** Whether the capability is in this process's effective set. */
bool HasCapability(int capability);

}  // namespace launcher
