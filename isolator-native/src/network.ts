import { encodeNetwork } from './encode.js';
import type { networkActions } from './encode.js';
import { checkPath, invalid } from './field.js';
import { startLauncher } from './launcher-process.js';
import { launcherError } from './message.js';
import { planTask } from './plan.js';
import { awaitEnd } from './process-watch.js';
import { IsolatorError } from './types/errors.js';

/** Far longer than the kernel needs, also with many namespaces being taken down at once. */
const WORK_MS = 10_000;

/** IFNAMSIZ, without its zero. */
const INTERFACE = /^[^\s/]{1,15}$/;

/**
 * Makes a network namespace in which only the loopback is up, and names it by the new file `path` (a mount, as `ip netns`
 * makes them): it lives until `removeNetworkNamespace`, whether a process is in it or not. `EEXIST` if the file is there.
 */
export async function makeNetworkNamespace(path: string): Promise<void> {
  checkPath('path', path);
  await work('make', path);
}

/** Takes the name away; the namespace goes with its last process. Nothing happens if there is none. */
export async function removeNetworkNamespace(path: string): Promise<void> {
  checkPath('path', path);
  await work('remove', path);
}

/** Removes a bridge of the caller's network namespace. Nothing happens if there is none. */
export async function removeBridge(name: string): Promise<void> {
  if (!INTERFACE.test(name)) throw invalid('name', 'the name of an interface', name);
  await work('removeBridge', name);
}

/** By a launcher: a process with threads, as this one, cannot be in two namespaces. */
function work(action: keyof typeof networkActions, name: string): Promise<void> {
  const surroundings = { cgroups: [], cgroupNamespace: false, userNamespace: false };
  const payload = encodeNetwork(planTask({ argv: [action] }, surroundings), action, name);
  return new Promise((resolve, reject) => {
    const finish = (settle: () => void): void => {
      launcher.hangUp();
      void awaitEnd(launcher.pidfd, WORK_MS).then(settle);
    };
    const launcher = startLauncher(`network ${action}`, payload, [], {
      onMessage: (message) => {
        finish(() => (message.kind === 'failed' ? reject(launcherError(message.failure)) : resolve()));
      },
      onSilence: () => {
        const facts = { code: 'LAUNCHER_DIED', errno: 0, step: action, path: name } as const;
        finish(() => reject(new IsolatorError(`${action} ${name}: LAUNCHER_DIED, the launcher ended without an answer`, facts)));
      },
    });
  });
}
