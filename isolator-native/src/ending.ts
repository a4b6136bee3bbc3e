import { awaitEnd, openExactly } from './process-watch.js';
import { native } from './native.js';
import type { ProcessIdentity } from './runtime-files.js';
import type { Cgroup } from './types/index.js';

const SIGKILL = 9;
/** How long the kernel, or the supervisor of a plain container, may take to end a container whose monitor was killed. */
const END_MS = 5000;

/** What is left to end when a monitor was killed. */
export interface Remains {
  readonly init: ProcessIdentity;
  readonly ownPidNamespace: boolean;
  readonly cgroup: Cgroup | undefined;
}

/**
 * Makes sure that nothing of a container without monitor runs on. Gives what could not be ended, in words; '' when all is over.
 */
export async function endRemains({ init, ownPidNamespace, cgroup }: Remains): Promise<string> {
  const left: string[] = [];
  if (!(await endInit(init, ownPidNamespace))) left.push(`process ${init.pid} does not end`);
  try {
    await cgroup?.kill();
  } catch (error) {
    left.push(error instanceof Error ? error.message : String(error));
  }
  return left.join('; ');
}

/** A supervisor is let to end its descendants by itself first: without it nobody knows them any more. */
async function endInit(init: ProcessIdentity, ownPidNamespace: boolean): Promise<boolean> {
  if (!ownPidNamespace) {
    const supervisor = openExactly(init);
    if (supervisor === undefined || (await awaitEnd(supervisor, END_MS))) return true;
  }
  const pidfd = openExactly(init);
  if (pidfd === undefined) return true;
  native().sendSignal(pidfd, SIGKILL);
  return awaitEnd(pidfd, END_MS);
}
