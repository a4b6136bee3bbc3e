#pragma once

#include "protocol.h"

namespace launcher {

/**
 * Notes what failed, with the current errno, and gives false:
 *   `if (chdir(path) < 0) return Fail("enter working directory", "chdir", path);`
 * The first note of a process stays; the caller of the failed function sends it on.
 */
bool Fail(const char* step, const char* syscall, const char* path = "");

/** The noted failure as a message. */
Message FailureMessage();

/** A message of this kind with all else zero. */
Message NewMessage(Kind kind);

/** Writes one message; false if nobody listens any more. */
bool Send(int fd, const Message& message);

/** 1 for a message, 0 when the other end is closed, -1 when there is none yet (or on an error). */
int Receive(int fd, Message& message);

}  // namespace launcher
