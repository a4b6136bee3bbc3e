import {
  countRanges,
  eachInRanges,
  intersectRanges,
  normalizeRanges,
  takeRanges,
  subtractRanges,
  type Ranges,
} from '@proffer/sdk/model';
import type { App } from './app.js';

/** Ports that must be these very ones on the host. */
export function fixedPorts(app: App): Ranges {
  if (!app.requirePorts) return [];
  const fixed = app.portDefinitions.map(({ port }) => port).filter((port) => port !== 0);
  return normalizeRanges(fixed.flatMap((port) => [port, port]));
}

/** How many ports, whichever, an instance needs besides its fixed ones. */
export function dynamicPortCount(app: App): number {
  return app.portDefinitions.length - countRanges(fixedPorts(app));
}

/** Host ports for one instance in the order of its definitions, or undefined if these do not have them. */
export function assignPorts(app: App, offered: Ranges): number[] | undefined {
  const fixed = fixedPorts(app);
  if (countRanges(intersectRanges(offered, fixed)) !== countRanges(fixed)) return undefined;
  const count = dynamicPortCount(app);
  const free = [...eachInRanges(takeRanges(subtractRanges(offered, fixed), count))];
  if (free.length < count) return undefined;
  let next = 0;
  return app.portDefinitions.map(({ port }) => (app.requirePorts && port !== 0 ? port : free[next++]!));
}
