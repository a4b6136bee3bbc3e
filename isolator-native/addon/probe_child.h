#pragma once

namespace isolator {

constexpr int kNotTried = -1;

/** The namespaces in the order of `ProbeTrials::namespaces`. */
constexpr const char* kNamespaceNames[] = {"pid", "mount", "uts", "ipc", "cgroup", "user", "net", "time"};
constexpr int kNamespaceCount = sizeof kNamespaceNames / sizeof *kNamespaceNames;

/** How far the steps of a container's set-up came; `step` is static text. */
struct ProbeSetup {
  const char* step = "clone";
  int error = kNotTried;
};

struct ProbeTrials {
  int namespaces[kNamespaceCount] = {kNotTried, kNotTried, kNotTried, kNotTried, kNotTried, kNotTried, kNotTried, kNotTried};
  ProbeSetup setup;
  int overlay = kNotTried;
};

/** Lies in memory shared with the child. Errnos, 0 for what works. */
struct ProbeReport {
  ProbeTrials direct;
  /** The same, each together with a user namespace. */
  ProbeTrials user;
  /** The set-up in a user namespace, tried by a user without privileges. */
  ProbeSetup unprivileged;
  int raise_limits = kNotTried;
  /** Showing the root file system with the owners of a user namespace. */
  int shifted_mounts = kNotTried;
};

/**
 * Runs in a child made for it, which then ends, and fills the report. Only system calls: the child is a copy of one
 * thread of the caller, whose locks may be held.
 */
void RunProbe(ProbeReport* report);

}  // namespace isolator
