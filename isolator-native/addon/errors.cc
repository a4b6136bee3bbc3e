#include "errors.h"

#include <string.h>

#include "state.h"

namespace isolator {
namespace {

Napi::Value SetErrorClass(const Napi::CallbackInfo& info) {
  AddonState::of(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
  return info.Env().Undefined();
}

Napi::Value NameErrno(const Napi::CallbackInfo& info) {
  const int error = info[0].As<Napi::Number>().Int32Value();
  Napi::Object answer = Napi::Object::New(info.Env());
  answer["code"] = ErrnoName(error);
  answer["text"] = std::string(strerror(error));
  return answer;
}

}  // namespace

std::string ErrnoName(int error) {
  const char* name = strerrorname_np(error);
  return name != nullptr ? name : "E" + std::to_string(error);
}

Napi::Error SystemError(Napi::Env env, const Failure& failure) {
  const std::string code = ErrnoName(failure.error);
  const std::string object = failure.path.empty() ? "" : " " + failure.path;
  const std::string message = failure.step + object + ": " + code + ", " + strerror(failure.error);
  Napi::Object details = Napi::Object::New(env);
  details["code"] = code;
  details["errno"] = failure.error;
  details["step"] = failure.step;
  if (!failure.syscall.empty()) details["syscall"] = failure.syscall;
  if (!failure.path.empty()) details["path"] = failure.path;
  const Napi::FunctionReference& error_class = AddonState::of(env).error_class;
  if (error_class.IsEmpty()) return Napi::Error::New(env, message);
  return Napi::Error(env, error_class.New({Napi::String::New(env, message), details}));
}

Napi::Error SystemError(Napi::Env env, int error, const std::string& step, const std::string& syscall,
                        const std::string& path) {
  return SystemError(env, Failure{error, step, syscall, path});
}

void ExportErrors(Napi::Env env, Napi::Object exports) {
  exports["setErrorClass"] = Napi::Function::New(env, SetErrorClass, "setErrorClass");
  exports["errnoName"] = Napi::Function::New(env, NameErrno, "errnoName");
}

}  // namespace isolator
