#pragma once

#include "console.h"
#include "logs.h"
#include "supervisor.h"

namespace launcher {

/** One child (init, supervisor, or a task that is its own init) to be watched to its end. */
struct WatchOptions {
  pid_t child = -1;
  /** Socket to the child. */
  int link = -1;
  /** From BlockSignals. */
  int signals = -1;
  /** Pipe to the caller. If the caller goes, the child is killed: until it has started, or always with `caller_bound`. */
  int result = -1;
  bool caller_bound = false;
  Scope scope = Scope::pid_namespace;
  /** The child execs the task itself and says nothing after that. */
  bool own_init = false;
  /** Ended streams and unused ones have descriptor -1. */
  Stream* streams = nullptr;
  int stream_count = 0;
  /** Null: nobody can attach. */
  Console* console = nullptr;
  /** Where a terminal's output goes; its other side comes over the link. */
  Sink* terminal_output = nullptr;
  /** The child is killed after that; 0: never. */
  uint32_t timeout_ms = 0;
  /** The host's /proc. */
  int proc = -1;
  /** What the caller is told when the task runs. */
  Message started = {};
};

struct Outcome {
  bool started = false;
  uint64_t started_at_ms = 0;
  /** Kind::ended with status and usage, or Kind::failed. */
  Message last = {};
};

/** Carries output, forwards signals, tells the caller of the start; returns when the child and its output have ended. */
Outcome WatchChild(const WatchOptions& options);

}  // namespace launcher
