import { release } from 'node:os';
import process from 'node:process';
import { kernelFiles } from './cgroups/files.js';
import { detectLayout } from './cgroups/layout.js';
import { readCgroupFacts } from './cgroups/mounts.js';
import { native } from './native.js';
import { listMissing } from './probe-missing.js';
import type { KernelTrials, NamespaceTrials } from './probe-missing.js';
import type { IsolationMode, NamespaceName, ProbeResult } from './types/probe.js';

/** All namespaces this library can make. */
export const namespaceNames: readonly NamespaceName[] = ['pid', 'mount', 'uts', 'ipc', 'cgroup', 'user', 'net', 'time'];

/**
 * What this machine and this user can do. Namespaces and mounts are tried in a child that lives for some milliseconds,
 * cgroups by making one and removing it; nothing is left behind. Throws `NOT_BUILT` without the native part.
 */
export function probe(): ProbeResult {
  const trials = native<{ probeKernel(): KernelTrials }>().probeKernel();
  const uid = process.geteuid?.() ?? 0;
  const mode = strongestMode(trials);
  const inForce = mode === 'namespaces' ? trials.direct : trials.user;
  const namespaces = Object.fromEntries(namespaceNames.map((name) => [name, inForce[name] === 0]));
  const found = {
    mode,
    uid,
    root: uid === 0,
    kernel: release(),
    cgroups: detectLayout(readCgroupFacts(), kernelFiles),
    namespaces: namespaces as Record<NamespaceName, boolean>,
    unprivilegedUserNamespaces: trials.unprivileged.errno === 0,
    overlay: inForce.overlay === 0,
    raiseLimits: trials.raiseLimits === 0,
    idmappedMounts: trials.shiftedMounts === 0,
  };
  return { ...found, missing: listMissing(found, inForce) };
}

/** Making the namespaces is not enough: a container needs its own mounts and its own /proc in them. */
function strongestMode({ direct, user }: KernelTrials): IsolationMode {
  if (worksWhole(direct)) return 'namespaces';
  return worksWhole(user) ? 'user-namespaces' : 'plain';
}

function worksWhole({ setup }: NamespaceTrials): boolean {
  return setup.errno === 0;
}
