#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "failure.h"
#include "files.h"

namespace launcher {
namespace {

/** The bounding set ends at the kernel's last capability; reading further ones fails with EINVAL. */
constexpr int kCapabilityMax = 63;

bool SetCapabilities(uint64_t mask, bool inheritable) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int half = 0; half < 2; half++) {
    const uint32_t bits = static_cast<uint32_t>(mask >> (32 * half));
    data[half].permitted = data[half].effective = bits;
    data[half].inheritable = inheritable ? bits : 0;
  }
  return syscall(SYS_capset, &header, data) == 0;
}

/**
 * What is not in the bounding set cannot be gained by any program the task runs. Without CAP_SETPCAP nothing can be taken
 * out of it.
 */
bool LimitBoundingSet(uint64_t mask) {
  if (!HasCapability(CAP_SETPCAP)) return true;
  for (int capability = 0; capability <= kCapabilityMax; capability++) {
    if ((mask >> capability & 1) != 0) continue;
    if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
      if (errno == EINVAL) return true;
      return Fail("drop capabilities", "prctl");
    }
  }
  return true;
}

bool SetGroups(const TaskSpec& task) {
  if (setgroups(task.groups.count, task.groups.items) == 0) return true;
  // A caller without privileges keeps the groups it has: they are its own, and it cannot leave them.
  if (errno == EPERM && task.groups.count == 0 && !HasCapability(CAP_SETGID)) return true;
  if (errno == EPERM && task.groups.count == 0) {
    char denied[16];
    const ssize_t size = ReadSmallFile(-1, "/proc/self/setgroups", denied, sizeof denied);
    if (size <= 0 || denied[0] == 'd') return true;
    errno = EPERM;
  }
  return Fail("set groups", "setgroups");
}

bool SetUser(const TaskSpec& task) {
  if (!SetGroups(task)) return false;
  if (setresgid(task.gid, task.gid, task.gid) < 0) return Fail("set group", "setresgid");
  if (setresuid(task.uid, task.uid, task.uid) < 0) return Fail("set user", "setresuid");
  return true;
}

bool RaiseAmbient(uint64_t mask) {
  for (int capability = 0; capability <= kCapabilityMax; capability++) {
    if ((mask >> capability & 1) == 0) continue;
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0) return Fail("set capabilities", "prctl");
  }
  return true;
}

}  // namespace

bool DropPrivileges(const TaskSpec& task) {
  if (!LimitBoundingSet(task.capabilities)) return false;
  // Leaving uid 0 would clear the capabilities that are to be kept.
  if (task.capabilities != 0 && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0) return Fail("set capabilities", "prctl");
  if (!SetUser(task)) return false;
  if (!SetCapabilities(task.capabilities, true)) return Fail("set capabilities", "capset");
  return RaiseAmbient(task.capabilities);
}

bool KeepOnlyKill() {
  const uint64_t kill = uint64_t{1} << CAP_KILL;
  if (SetCapabilities(HasCapability(CAP_KILL) ? kill : 0, false)) return true;
  return Fail("drop capabilities of init", "capset");
}

bool EnterMappedIds(const List<IdMapping>& uids, const List<IdMapping>& gids) {
  auto inside = [](const List<IdMapping>& map) {
    for (const IdMapping& mapping : map) {
      if (mapping.inside == 0) return 0U;
    }
    return map.items[0].inside;
  };
  const uint32_t gid = inside(gids);
  const uint32_t uid = inside(uids);
  if (setresgid(gid, gid, gid) < 0) return Fail("enter user namespace", "setresgid");
  if (setresuid(uid, uid, uid) < 0) return Fail("enter user namespace", "setresuid");
  return true;
}

}  // namespace launcher
