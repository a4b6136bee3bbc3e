/** The clone flags of the namespaces that the container's init is made with (CLONE_NEW* of sched.h). */
export const namespaceFlags = {
  time: 0x0000_0080,
  mount: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  network: 0x4000_0000,
} as const;

export type FlaggedNamespace = keyof typeof namespaceFlags;
