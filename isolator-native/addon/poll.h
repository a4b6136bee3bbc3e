#pragma once

#include <napi.h>

#include <functional>

#include "descriptor.h"
#include "uv.h"

namespace isolator {

/**
 * Calls back on the event loop whenever a descriptor (pidfd, pipe, eventfd, inotify) becomes readable or its other end
 * goes; cgroup event files are seen with UV_PRIORITIZED. Does not keep the loop alive until `ref()`.
 * Lives on the heap; `close()` ends it and frees it on a later turn of the loop.
 */
class Poll {
 public:
  /** `callback` runs with a handle scope open. Takes the descriptor over; throws SystemError. */
  static Poll* start(Napi::Env env, Descriptor fd, int events, std::function<void()> callback);

  int fd() const { return fd_.get(); }
  void ref();
  void unref();
  void close();

 private:
  Poll(Napi::Env env, Descriptor fd, std::function<void()> callback);
  ~Poll();

  static void on_event(uv_handle_s* handle, int status, int events);
  static void on_closed(uv_handle_s* handle);

  Napi::Env env_;
  Descriptor fd_;
  std::function<void()> callback_;
  uv_handle_s* handle_;
  bool closing_ = false;
};

/** Adds `watch(fd, callback, events?)`, which gives `{ close(), ref(), unref() }` and owns the descriptor. */
void ExportPoll(Napi::Env env, Napi::Object exports);

}  // namespace isolator
