#include "devices_bpf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "descriptor.h"
#include "errors.h"

namespace isolator {
namespace {

/** Programs on one cgroup that we look at when replacing ours: the kernel's own bound (BPF_CGROUP_MAX_PROGS). */
constexpr uint32_t kProgramsMax = 64;

struct Rule {
  int type;
  int major;
  int minor;
  int access;
};

long Bpf(bpf_cmd command, bpf_attr& attributes) { return syscall(SYS_bpf, command, &attributes, sizeof attributes); }

bpf_insn Instruction(uint8_t code, uint8_t destination, uint8_t source, int16_t offset, int32_t immediate) {
  return bpf_insn{code, destination, source, offset, immediate};
}

bpf_insn JumpUnless(uint8_t registerNumber, int32_t value) {
  return Instruction(BPF_JMP | BPF_JNE | BPF_K, registerNumber, 0, 0, value);
}

constexpr uint8_t kType = BPF_REG_2;
constexpr uint8_t kAccess = BPF_REG_3;
constexpr uint8_t kMajor = BPF_REG_4;
constexpr uint8_t kMinor = BPF_REG_5;
constexpr int32_t kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

/** One rule: every test that fails jumps over the rest of it; passing them all allows. */
void AppendRule(std::vector<bpf_insn>& program, const Rule& rule) {
  std::vector<bpf_insn> tests;
  tests.push_back(JumpUnless(kType, rule.type));
  if (rule.access != kAllAccess) {
    // access & ~allowed must be empty
    tests.push_back(Instruction(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_1, kAccess, 0, 0));
    tests.push_back(Instruction(BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, kAllAccess & ~rule.access));
    tests.push_back(JumpUnless(BPF_REG_1, 0));
  }
  if (rule.major >= 0) tests.push_back(JumpUnless(kMajor, rule.major));
  if (rule.minor >= 0) tests.push_back(JumpUnless(kMinor, rule.minor));
  tests.push_back(Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 1));
  tests.push_back(Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  for (size_t i = 0; i < tests.size(); i++) {
    if (tests[i].code == (BPF_JMP | BPF_JNE | BPF_K)) tests[i].off = static_cast<int16_t>(tests.size() - i - 1);
  }
  program.insert(program.end(), tests.begin(), tests.end());
}

std::vector<bpf_insn> DeviceProgram(const std::vector<Rule>& rules) {
  constexpr uint8_t load = BPF_LDX | BPF_MEM | BPF_W;
  std::vector<bpf_insn> program = {
      // access_type holds the type in its low 16 bits and the access in the high ones
      Instruction(load, kType, BPF_REG_1, offsetof(bpf_cgroup_dev_ctx, access_type), 0),
      Instruction(BPF_ALU | BPF_AND | BPF_K, kType, 0, 0, 0xffff),
      Instruction(load, kAccess, BPF_REG_1, offsetof(bpf_cgroup_dev_ctx, access_type), 0),
      Instruction(BPF_ALU | BPF_RSH | BPF_K, kAccess, 0, 0, 16),
      Instruction(load, kMajor, BPF_REG_1, offsetof(bpf_cgroup_dev_ctx, major), 0),
      Instruction(load, kMinor, BPF_REG_1, offsetof(bpf_cgroup_dev_ctx, minor), 0),
  };
  for (const Rule& rule : rules) AppendRule(program, rule);
  program.push_back(Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0));
  program.push_back(Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
  return program;
}

/** Before Linux 5.11 programs count as locked memory, of which the usual limit allows a dozen. */
class LockedMemoryAllowance {
 public:
  LockedMemoryAllowance() {
    const rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    raised_ = getrlimit(RLIMIT_MEMLOCK, &before_) == 0 && setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0;
  }
  ~LockedMemoryAllowance() {
    if (raised_) setrlimit(RLIMIT_MEMLOCK, &before_);
  }

 private:
  rlimit before_ = {};
  bool raised_ = false;
};

Descriptor LoadOnce(const std::vector<bpf_insn>& program) {
  bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<uint64_t>(program.data());
  attributes.insn_cnt = program.size();
  attributes.license = reinterpret_cast<uint64_t>("Apache-2.0");
  strcpy(attributes.prog_name, "devices");
  return Descriptor(Bpf(BPF_PROG_LOAD, attributes));
}

Descriptor LoadProgram(const std::vector<bpf_insn>& program) {
  Descriptor loaded = LoadOnce(program);
  if (loaded.valid() || errno != EPERM) return loaded;
  const LockedMemoryAllowance allowance;
  return LoadOnce(program);
}

std::vector<uint32_t> AttachedPrograms(int cgroup) {
  std::vector<uint32_t> ids(kProgramsMax);
  bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.query.target_fd = cgroup;
  attributes.query.attach_type = BPF_CGROUP_DEVICE;
  attributes.query.prog_ids = reinterpret_cast<uint64_t>(ids.data());
  attributes.query.prog_cnt = ids.size();
  if (Bpf(BPF_PROG_QUERY, attributes) < 0) return {};
  ids.resize(attributes.query.prog_cnt);
  return ids;
}

bool Attach(int cgroup, int program) {
  bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = cgroup;
  attributes.attach_bpf_fd = program;
  attributes.attach_type = BPF_CGROUP_DEVICE;
  // Programs of the cgroups above and below stay in force: a device must be allowed by all of them.
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  return Bpf(BPF_PROG_ATTACH, attributes) == 0;
}

bool Detach(int cgroup, uint32_t id) {
  bpf_attr attributes;
  memset(&attributes, 0, sizeof attributes);
  attributes.prog_id = id;
  Descriptor program(Bpf(BPF_PROG_GET_FD_BY_ID, attributes));
  if (!program.valid()) return errno == ENOENT;
  memset(&attributes, 0, sizeof attributes);
  attributes.target_fd = cgroup;
  attributes.attach_bpf_fd = program.get();
  attributes.attach_type = BPF_CGROUP_DEVICE;
  return Bpf(BPF_PROG_DETACH, attributes) == 0 || errno == ENOENT;
}

std::vector<Rule> Rules(const Napi::Value& value) {
  auto numbers = value.As<Napi::Array>();
  auto at = [&](uint32_t index) { return numbers.Get(index).As<Napi::Number>().Int32Value(); };
  std::vector<Rule> rules;
  for (uint32_t i = 0; i + 3 < numbers.Length(); i += 4) rules.push_back({at(i), at(i + 1), at(i + 2), at(i + 3)});
  return rules;
}

Napi::Value SetDeviceProgram(const Napi::CallbackInfo& info) {
  Napi::Env env = info.Env();
  const std::string directory = info[0].As<Napi::String>();
  const std::vector<bpf_insn> instructions = DeviceProgram(Rules(info[1]));
  Descriptor cgroup(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup.valid()) throw SystemError(env, errno, "limit devices of cgroup", "open", directory);
  const std::vector<uint32_t> earlier = AttachedPrograms(cgroup.get());
  Descriptor program = LoadProgram(instructions);
  if (!program.valid()) throw SystemError(env, errno, "load device program for cgroup", "bpf", directory);
  if (!Attach(cgroup.get(), program.get())) throw SystemError(env, errno, "attach device program to cgroup", "bpf", directory);
  for (const uint32_t id : earlier) {
    if (!Detach(cgroup.get(), id)) throw SystemError(env, errno, "detach earlier device program from cgroup", "bpf", directory);
  }
  return env.Undefined();
}

}  // namespace

void ExportDeviceProgram(Napi::Env env, Napi::Object exports) {
  exports["setDeviceProgram"] = Napi::Function::New(env, SetDeviceProgram, "setDeviceProgram");
}

}  // namespace isolator
