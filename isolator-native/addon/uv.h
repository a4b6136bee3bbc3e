#pragma once

/**
 * The part of libuv that watches a descriptor. Declared here because the packaged Node-API headers leave libuv out;
 * these functions and numbers are frozen by libuv 1's ABI promise, and sizes are asked for at run time.
 */
extern "C" {

struct uv_loop_s;
struct uv_handle_s;

using uv_close_cb = void (*)(uv_handle_s* handle);
using uv_poll_cb = void (*)(uv_handle_s* handle, int status, int events);

constexpr int UV_POLL = 8;
constexpr int UV_READABLE = 1;
constexpr int UV_PRIORITIZED = 8;

unsigned long uv_handle_size(int type);
void* uv_handle_get_data(const uv_handle_s* handle);
void uv_handle_set_data(uv_handle_s* handle, void* data);
int uv_poll_init(uv_loop_s* loop, uv_handle_s* handle, int fd);
int uv_poll_start(uv_handle_s* handle, int events, uv_poll_cb callback);
int uv_poll_stop(uv_handle_s* handle);
void uv_close(uv_handle_s* handle, uv_close_cb callback);
void uv_ref(uv_handle_s* handle);
void uv_unref(uv_handle_s* handle);

}  // extern "C"
