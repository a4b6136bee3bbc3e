#include "failure.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

namespace launcher {
namespace {

Message noted;

template <size_t Size>
void Copy(char (&to)[Size], const char* from) {
  const size_t length = strlen(from) < Size ? strlen(from) : Size - 1;
  memcpy(to, from, length);
  to[length] = 0;
}

}  // namespace

bool Fail(const char* step, const char* syscall, const char* path) {
  if (noted.kind == Kind::failed) return false;
  const int error = errno;
  noted = NewMessage(Kind::failed);
  noted.error = error;
  Copy(noted.step, step);
  Copy(noted.syscall, syscall);
  Copy(noted.path, path);
  return false;
}

Message FailureMessage() { return noted; }

Message NewMessage(Kind kind) {
  Message message;
  memset(&message, 0, sizeof message);
  message.version = kMessageVersion;
  message.kind = kind;
  return message;
}

bool Send(int fd, const Message& message) {
  ssize_t written;
  do written = write(fd, &message, sizeof message);
  while (written < 0 && errno == EINTR);
  return written == sizeof message;
}

int Receive(int fd, Message& message) {
  ssize_t size;
  // A peer that ended without reading all we sent is reported once before what it sent itself.
  do size = read(fd, &message, sizeof message);
  while (size < 0 && (errno == EINTR || errno == ECONNRESET));
  if (size == 0) return 0;
  return size == sizeof message ? 1 : -1;
}

}  // namespace launcher
