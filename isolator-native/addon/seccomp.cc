#include <napi.h>

#include <errno.h>

#include "descriptor.h"
#include "errors.h"

#ifdef ISOLATOR_SECCOMP
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <string>
#include <vector>
#endif

namespace isolator {
namespace {

#ifdef ISOLATOR_SECCOMP

constexpr const char* kStep = "compile seccomp profile";

/** Frees the context on every way out. */
class Context {
 public:
  explicit Context(uint32_t default_action) : context_(seccomp_init(default_action)) {}
  ~Context() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  scmp_filter_ctx get() const { return context_; }

 private:
  scmp_filter_ctx context_;
};

uint64_t Large(const Napi::Value& value) {
  bool lossless = false;
  return value.As<Napi::BigInt>().Uint64Value(&lossless);
}

void AddArchitectures(Napi::Env env, const Context& context, const Napi::Array& names) {
  for (uint32_t i = 0; i < names.Length(); i++) {
    const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
    // libseccomp's own names: lower case, without the prefix
    std::string own = name.rfind("SCMP_ARCH_", 0) == 0 ? name.substr(10) : name;
    for (char& letter : own) letter = static_cast<char>(letter >= 'A' && letter <= 'Z' ? letter + 32 : letter);
    const uint32_t token = seccomp_arch_resolve_name(own.c_str());
    if (token == 0) throw SystemError(env, EINVAL, kStep, "", name);
    const int error = seccomp_arch_add(context.get(), token);
    if (error < 0 && error != -EEXIST) throw SystemError(env, -error, kStep, "seccomp_arch_add", name);
  }
}

void AddRule(Napi::Env env, const Context& context, uint32_t action, const std::string& name,
             const std::vector<scmp_arg_cmp>& arguments) {
  const int number = seccomp_syscall_resolve_name(name.c_str());
  // Of another machine, or newer than the library: what is not known cannot be allowed.
  if (number == __NR_SCMP_ERROR) return;
  const int error = seccomp_rule_add_array(context.get(), action, number, static_cast<unsigned>(arguments.size()), arguments.data());
  if (error < 0 && error != -EEXIST) throw SystemError(env, -error, kStep, "seccomp_rule_add", name);
}

void AddRules(Napi::Env env, const Context& context, const Napi::Array& rules) {
  for (uint32_t i = 0; i < rules.Length(); i++) {
    const Napi::Object rule = rules.Get(i).As<Napi::Object>();
    const uint32_t action = rule.Get("action").As<Napi::Number>().Uint32Value();
    const Napi::Array names = rule.Get("names").As<Napi::Array>();
    const Napi::Array conditions = rule.Get("args").As<Napi::Array>();
    std::vector<scmp_arg_cmp> arguments;
    for (uint32_t j = 0; j < conditions.Length(); j++) {
      const Napi::Object condition = conditions.Get(j).As<Napi::Object>();
      scmp_arg_cmp argument = {};
      argument.arg = condition.Get("index").As<Napi::Number>().Uint32Value();
      argument.op = static_cast<scmp_compare>(condition.Get("op").As<Napi::Number>().Uint32Value());
      argument.datum_a = Large(condition.Get("value"));
      argument.datum_b = Large(condition.Get("valueTwo"));
      arguments.push_back(argument);
    }
    for (uint32_t j = 0; j < names.Length(); j++) {
      AddRule(env, context, action, names.Get(j).As<Napi::String>().Utf8Value(), arguments);
    }
  }
}

Napi::Value Export(Napi::Env env, const Context& context) {
  const Descriptor file(memfd_create("seccomp", MFD_CLOEXEC));
  if (file.get() < 0) throw SystemError(env, errno, kStep, "memfd_create");
  const int error = seccomp_export_bpf(context.get(), file.get());
  if (error < 0) throw SystemError(env, -error, kStep, "seccomp_export_bpf");
  const off_t size = lseek(file.get(), 0, SEEK_END);
  if (size < 0) throw SystemError(env, errno, kStep, "lseek");
  Napi::Buffer<uint8_t> bytes = Napi::Buffer<uint8_t>::New(env, static_cast<size_t>(size));
  if (pread(file.get(), bytes.Data(), bytes.Length(), 0) != size) throw SystemError(env, EIO, kStep, "pread");
  return bytes;
}

Napi::Value CompileSeccomp(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const Context context(info[0].As<Napi::Number>().Uint32Value());
  if (context.get() == nullptr) throw SystemError(env, EINVAL, kStep, "seccomp_init");
  // A tree instead of a list, where the library can: profiles name hundreds of calls.
  seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  AddArchitectures(env, context, info[1].As<Napi::Array>());
  AddRules(env, context, info[2].As<Napi::Array>());
  return Export(env, context);
}

#else

Napi::Value CompileSeccomp(const Napi::CallbackInfo& info) {
  throw SystemError(info.Env(), ENOTSUP, "compile seccomp profile: built without libseccomp (Debian: libseccomp-dev)");
}

#endif

}  // namespace
}  // namespace isolator

void ExportSeccomp(Napi::Env env, Napi::Object exports) {
  exports["compileSeccomp"] = Napi::Function::New(env, isolator::CompileSeccomp, "compileSeccomp");
}
