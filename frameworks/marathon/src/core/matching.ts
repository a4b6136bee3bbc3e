import { contains, resourcesToJson, subtract, type Offer, type Resources } from '@proffer/sdk/model';
import type { App } from './app.js';
import { constraintFault, type Place } from './constraints.js';
import type { RejectReason } from './offer-log.js';
import { assignPorts } from './ports.js';
import { taskResources } from './task.js';

/** The instance fits: these ports are its own, and this is what is left of the offer. */
export interface Match {
  readonly ports: readonly number[];
  readonly left: Resources;
}

export interface Mismatch {
  readonly reason: RejectReason;
  readonly detail: string;
}

/** Whether one more instance of the app fits on what is left of an offer, beside those that run already. */
export function match(app: App, offer: Offer, left: Resources, others: readonly Place[]): Match | Mismatch {
  const fault = constraintFault(app.constraints, offer, others);
  if (fault !== undefined) return { reason: 'UnfulfilledConstraint', detail: fault };
  const needed = taskResources(app);
  const short = shortage(needed, left);
  if (short !== undefined) return short;
  const ports = assignPorts(app, left.ports);
  if (ports === undefined) {
    return {
      reason: 'InsufficientPorts',
      detail: `needs ${app.portDefinitions.length} ports, fixed ones among them if requirePorts is set`,
    };
  }
  return {
    ports,
    left: subtract(
      left,
      taskResources(
        app,
        ports.flatMap((port) => [port, port]),
      ),
    ),
  };
}

function shortage(needed: Resources, left: Resources): Mismatch | undefined {
  if (contains(left, needed)) return undefined;
  const wanted = resourcesToJson(needed);
  const offered = resourcesToJson(left);
  const scalars = [
    ['cpus', 'InsufficientCpus'],
    ['mem', 'InsufficientMemory'],
    ['disk', 'InsufficientDisk'],
    ['gpus', 'InsufficientGpus'],
  ] as const;
  for (const [name, reason] of scalars) {
    if (left[name] < needed[name]) return { reason, detail: `needs ${name} ${wanted[name]}, offered ${offered[name]}` };
  }
  return undefined;
}
