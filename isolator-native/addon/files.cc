#include <errno.h>
#include <napi.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "errors.h"

namespace isolator {
namespace {

/** More than ext4, xfs and btrfs keep beside one file, and the most that one value may have. */
constexpr size_t kAttributeBytes = 64 << 10;

std::string TextOf(const Napi::Value& value) { return value.As<Napi::String>().Utf8Value(); }

/** setAttribute(path, name, bytes): of a link itself, where `path` is one. */
void SetAttribute(const Napi::CallbackInfo& info) {
  const std::string path = TextOf(info[0]);
  const Napi::Uint8Array value = info[2].As<Napi::Uint8Array>();
  if (lsetxattr(path.c_str(), TextOf(info[1]).c_str(), value.Data(), value.ByteLength(), 0) == 0) return;
  throw SystemError(info.Env(), errno, "set attribute", "lsetxattr", path);
}

/** attributes(path): names and values, as far as this process may see them. */
Napi::Value Attributes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string path = TextOf(info[0]);
  std::string names(kAttributeBytes, '\0');
  const ssize_t size = llistxattr(path.c_str(), names.data(), names.size());
  if (size < 0 && errno != ENOTSUP) throw SystemError(env, errno, "read attributes", "llistxattr", path);
  Napi::Array result = Napi::Array::New(env);
  std::string value(kAttributeBytes, '\0');
  for (ssize_t at = 0; at < size;) {
    const std::string name = names.c_str() + at;
    at += static_cast<ssize_t>(name.size()) + 1;
    const ssize_t length = lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (length < 0 && errno == ENODATA) continue;
    if (length < 0) throw SystemError(env, errno, "read attributes", "lgetxattr", path);
    Napi::Array pair = Napi::Array::New(env, 2);
    pair.Set(0U, Napi::String::New(env, name));
    pair.Set(1U, Napi::Buffer<char>::Copy(env, value.data(), static_cast<size_t>(length)));
    result.Set(result.Length(), pair);
  }
  return result;
}

/** makeNode(path, mode): a fifo, or with S_IFCHR the device 0:0, which overlayfs takes for a removed file. */
void MakeNode(const Napi::CallbackInfo& info) {
  const std::string path = TextOf(info[0]);
  if (mknod(path.c_str(), info[1].As<Napi::Number>().Uint32Value(), makedev(0, 0)) == 0) return;
  throw SystemError(info.Env(), errno, "make node", "mknod", path);
}

/** changeRoot(path): nothing outside can be named any more. For a helper process that does nothing else. */
void ChangeRoot(const Napi::CallbackInfo& info) {
  const std::string path = TextOf(info[0]);
  if (chroot(path.c_str()) == 0 && chdir("/") == 0) return;
  throw SystemError(info.Env(), errno, "change root", "chroot", path);
}

}  // namespace
}  // namespace isolator

void ExportFiles(Napi::Env env, Napi::Object exports) {
  using namespace isolator;
  exports.Set("setAttribute", Napi::Function::New<SetAttribute>(env, "setAttribute"));
  exports.Set("attributes", Napi::Function::New<Attributes>(env, "attributes"));
  exports.Set("makeNode", Napi::Function::New<MakeNode>(env, "makeNode"));
  exports.Set("changeRoot", Napi::Function::New<ChangeRoot>(env, "changeRoot"));
}
