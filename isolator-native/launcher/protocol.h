#pragma once

/**
 * What the launcher agrees on with the TypeScript side (src/encode.ts writes the spec, src/message.ts reads messages).
 * Both come from the same build, except that a running launcher may be recovered by a newer library: what that needs is
 * kForwardSignal and the JSON files of the runtime directory.
 */

#include <stdint.h>

namespace launcher {

constexpr uint32_t kSpecMagic = 0x50524f31;  // "PRO1"
constexpr uint32_t kMessageVersion = 1;

/** Inherited descriptors: the sealed spec, the result pipe, then two memory files when output is captured, or a client's socket. */
constexpr int kSpecDescriptor = 3;
constexpr int kResultDescriptor = 4;
constexpr int kCaptureDescriptor = 5;

/** Queued with the wanted signal as its value: real-time signals keep their order, ordinary ones do not. */
constexpr int kForwardSignal = 44;

enum class Mode : uint32_t { launch = 1, join = 2, network = 3 };

enum class Kind : uint32_t {
  /** The task's program runs. */
  started = 1,
  /** It never will: errno, step, system call, path. */
  failed = 2,
  /** How the task ended. */
  ended = 3,
  /** From the monitor to its child: go on. */
  proceed = 4,
  /** From the task's side to the monitor: the other side of its terminal comes with it. */
  terminal = 5,
};

/** One write to a pipe or socket: below PIPE_BUF, and so never torn. */
struct Message {
  uint32_t version;
  Kind kind;
  int32_t error;
  /** As wait(2) gives it. */
  int32_t status;
  int32_t monitor_pid;
  int32_t init_pid;
  uint64_t monitor_start;
  uint64_t init_start;
  /** As in the file `state`. */
  uint64_t launched_at_ms;
  uint64_t user_us;
  uint64_t system_us;
  uint64_t max_rss_bytes;
  uint32_t timed_out;
  uint32_t reserved;
  char step[64];
  char syscall[32];
  char path[1024];
};
static_assert(sizeof(Message) == 1200);

}  // namespace launcher
