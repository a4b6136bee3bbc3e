#include "poll.h"

#include <stdlib.h>

#include <memory>
#include <new>

#include "errors.h"
#include "state.h"

namespace isolator {

Poll::Poll(Napi::Env env, Descriptor fd, std::function<void()> callback)
    : env_(env),
      fd_(std::move(fd)),
      callback_(std::move(callback)),
      handle_(static_cast<uv_handle_s*>(malloc(uv_handle_size(UV_POLL)))) {
  if (handle_ == nullptr) throw std::bad_alloc();
  uv_handle_set_data(handle_, this);
}

Poll::~Poll() { free(handle_); }

Poll* Poll::start(Napi::Env env, Descriptor fd, int events, std::function<void()> callback) {
  uv_loop_s* loop = nullptr;
  napi_status status = napi_get_uv_event_loop(env, &loop);
  if (status != napi_ok) throw Napi::Error::New(env, "this environment has no event loop");
  Poll* poll = new Poll(env, std::move(fd), std::move(callback));
  int result = uv_poll_init(loop, poll->handle_, poll->fd());
  if (result < 0) {
    delete poll;
    throw SystemError(env, -result, "watch descriptor", "epoll_ctl");
  }
  AddonState::of(env).polls.insert(poll);
  uv_unref(poll->handle_);
  result = uv_poll_start(poll->handle_, events, on_event);
  if (result < 0) {
    poll->close();
    throw SystemError(env, -result, "watch descriptor", "epoll_ctl");
  }
  return poll;
}

void Poll::ref() {
  if (!closing_) uv_ref(handle_);
}

void Poll::unref() {
  if (!closing_) uv_unref(handle_);
}

void Poll::close() {
  if (closing_) return;
  closing_ = true;
  AddonState::of(env_).polls.erase(this);
  uv_poll_stop(handle_);
  fd_.reset();
  callback_ = nullptr;
  uv_close(handle_, on_closed);
}

void Poll::on_event(uv_handle_s* handle, int, int) {
  // A status below zero means that the descriptor reports an error state: its owner finds out by reading.
  Poll* poll = static_cast<Poll*>(uv_handle_get_data(handle));
  Napi::HandleScope scope(poll->env_);
  // A copy, because the callback may close this poll.
  const std::function<void()> callback = poll->callback_;
  callback();
}

void Poll::on_closed(uv_handle_s* handle) {
  // Nothing of JavaScript is left in it: when an environment ends, this runs after its Node-API is gone.
  delete static_cast<Poll*>(uv_handle_get_data(handle));
}

namespace {

/** What JavaScript holds of a Poll. The collector may take it at any time: the Poll lives on until closed. */
struct Watch {
  // Without an AsyncContext: one cannot be destroyed while its environment ends.
  Napi::FunctionReference callback;
  Poll* poll = nullptr;

  explicit Watch(Napi::Function function) : callback(Napi::Persistent(function)) {}

  /** By the C interface: in a worker that is being ended not even the C++ error for "cannot call JavaScript" can be made. */
  void run() {
    Napi::Env env = callback.Env();
    napi_value thrown = nullptr;
    bool pending = false;
    if (napi_make_callback(env, nullptr, env.Global(), callback.Value(), 0, nullptr, nullptr) == napi_ok) return;
    if (napi_is_exception_pending(env, &pending) != napi_ok || !pending) return;
    if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
  }
};

Napi::Value StartWatch(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const int events = info[2].IsNumber() ? info[2].As<Napi::Number>().Int32Value() : UV_READABLE;
  auto watch = std::make_shared<Watch>(info[1].As<Napi::Function>());
  Descriptor fd(info[0].As<Napi::Number>().Int32Value());
  watch->poll = Poll::start(env, std::move(fd), events, [watch] {
    auto alive = watch;
    alive->run();
  });
  // The poll's callback owns the watch, which points back: closing the poll is what ends both.
  auto method = [&](const char* name, auto action) {
    return Napi::Function::New(
        env,
        [watch, action](const Napi::CallbackInfo& call) {
          if (watch->poll != nullptr) action(*watch);
          return call.Env().Undefined();
        },
        name);
  };
  Napi::Object handle = Napi::Object::New(env);
  handle["ref"] = method("ref", [](Watch& of) { of.poll->ref(); });
  handle["unref"] = method("unref", [](Watch& of) { of.poll->unref(); });
  handle["close"] = method("close", [](Watch& of) { std::exchange(of.poll, nullptr)->close(); });
  return handle;
}

}  // namespace

void ExportPoll(Napi::Env env, Napi::Object exports) {
  exports["watch"] = Napi::Function::New(env, StartWatch, "watch");
  exports["READABLE"] = UV_READABLE;
  exports["PRIORITY"] = UV_PRIORITIZED;
}

}  // namespace isolator
