#include "cgroups.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "cgroup_tree.h"
#include "descriptor.h"
#include "devices_bpf.h"
#include "errors.h"

namespace isolator {
namespace {

constexpr int kDirectoryMode = 0755;

std::vector<std::string> Strings(const Napi::Value& value) {
  auto array = value.As<Napi::Array>();
  std::vector<std::string> texts;
  texts.reserve(array.Length());
  for (uint32_t i = 0; i < array.Length(); i++) texts.push_back(array.Get(i).As<Napi::String>());
  return texts;
}

Napi::Array Numbers(Napi::Env env, const std::vector<int>& numbers) {
  Napi::Array array = Napi::Array::New(env, numbers.size());
  for (size_t i = 0; i < numbers.size(); i++) array[i] = numbers[i];
  return array;
}

Napi::Value ApplyCgroupFiles(const Napi::CallbackInfo& info) {
  const std::vector<std::string> operations = Strings(info[0]);
  std::vector<std::string> made;
  for (size_t i = 0; i + 2 < operations.size(); i += 3) {
    const std::string& kind = operations[i];
    const std::string& path = operations[i + 1];
    const std::string& text = operations[i + 2];
    const bool make = kind == "make";
    int error = 0;
    if (!make) error = WriteWhole(path, text);
    else if (mkdir(path.c_str(), kDirectoryMode) == 0) made.push_back(path);
    else error = errno;
    if (error == 0 || (error == ENOENT && kind == "write?")) continue;
    for (size_t j = made.size(); j > 0; j--) rmdir(made[j - 1].c_str());
    if (make) throw SystemError(info.Env(), error, "create cgroup", "mkdir", path);
    throw SystemError(info.Env(), error, "write \"" + text + "\" to", "write", path);
  }
  return info.Env().Undefined();
}

Napi::Value ReadCgroupFiles(const Napi::CallbackInfo& info) {
  const std::vector<std::string> paths = Strings(info[0]);
  Napi::Array answer = Napi::Array::New(info.Env(), paths.size());
  std::string text;
  for (size_t i = 0; i < paths.size(); i++) {
    const int error = ReadWhole(paths[i], text);
    if (error == 0) answer[i] = text;
    else answer[i] = error;
  }
  return answer;
}

Napi::Value ListCgroups(const Napi::CallbackInfo& info) {
  const std::vector<std::string> names = ChildCgroups(info[0].As<Napi::String>());
  Napi::Array answer = Napi::Array::New(info.Env(), names.size());
  for (size_t i = 0; i < names.size(); i++) answer[i] = names[i];
  return answer;
}

/** Each pid once, although a process is in one cgroup of every hierarchy. */
std::vector<int> CollectPids(Napi::Env env, const std::vector<std::string>& directories) {
  std::vector<int> pids;
  for (const std::string& directory : directories) {
    VisitCgroups(directory, [&](const std::string& cgroup) {
      // A cgroup that went meanwhile holds nothing; a threaded one (EOPNOTSUPP) lists its processes at its domain above.
      if (ReadPids(cgroup, pids) || errno == ENOENT || errno == ENODEV || errno == EOPNOTSUPP) return;
      throw SystemError(env, errno, "list processes of cgroup", "read", cgroup);
    });
  }
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

Napi::Value CgroupProcesses(const Napi::CallbackInfo& info) {
  return Numbers(info.Env(), CollectPids(info.Env(), Strings(info[0])));
}

Napi::Value SignalCgroups(const Napi::CallbackInfo& info) {
  const std::vector<int> pids = CollectPids(info.Env(), Strings(info[0]));
  const int signal = info[1].As<Napi::Number>().Int32Value();
  for (const int pid : pids) {
    // 0 is how the kernel shows a process of a foreign pid namespace; to kill(2) it would mean our own process group.
    if (pid > 0) kill(pid, signal);
  }
  return Numbers(info.Env(), pids);
}

/** With `nested` also what is below; without, a cgroup that somebody else just put there is safe. */
Napi::Value RemoveCgroups(const Napi::CallbackInfo& info) {
  const bool nested = info[1].As<Napi::Boolean>();
  Napi::Array remaining = Napi::Array::New(info.Env());
  uint32_t count = 0;
  const auto remove = [&](const std::string& cgroup) {
    if (rmdir(cgroup.c_str()) == 0 || errno == ENOENT) return;
    const int error = errno;
    remaining[count++] = cgroup;
    remaining[count++] = error;
  };
  for (const std::string& directory : Strings(info[0])) {
    // The usual case: empty, nothing below.
    if (rmdir(directory.c_str()) == 0 || errno == ENOENT) continue;
    if (nested) VisitCgroups(directory, remove);
    else remove(directory);
  }
  return remaining;
}

/** The kernel keeps the link between the two descriptors; the one of memory.oom_control is not needed afterwards. */
Napi::Value OpenOomEvents(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string directory = info[0].As<Napi::String>();
  const std::string control = directory + "/memory.oom_control";
  Descriptor file(open(control.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) throw SystemError(env, errno, "watch memory", "open", control);
  Descriptor events(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!events.valid()) throw SystemError(env, errno, "watch memory", "eventfd", control);
  const std::string registration = std::to_string(events.get()) + " " + std::to_string(file.get());
  const int error = WriteWhole(directory + "/cgroup.event_control", registration);
  if (error != 0) throw SystemError(env, error, "watch memory", "write", directory + "/cgroup.event_control");
  return Napi::Number::New(env, events.release());
}

}  // namespace
}  // namespace isolator

void ExportCgroups(Napi::Env env, Napi::Object exports) {
  using namespace isolator;
  exports["applyCgroupFiles"] = Napi::Function::New(env, ApplyCgroupFiles, "applyCgroupFiles");
  exports["readCgroupFiles"] = Napi::Function::New(env, ReadCgroupFiles, "readCgroupFiles");
  exports["listCgroups"] = Napi::Function::New(env, ListCgroups, "listCgroups");
  exports["cgroupProcesses"] = Napi::Function::New(env, CgroupProcesses, "cgroupProcesses");
  exports["signalCgroups"] = Napi::Function::New(env, SignalCgroups, "signalCgroups");
  exports["removeCgroups"] = Napi::Function::New(env, RemoveCgroups, "removeCgroups");
  exports["openOomEvents"] = Napi::Function::New(env, OpenOomEvents, "openOomEvents");
  ExportDeviceProgram(env, exports);
}
