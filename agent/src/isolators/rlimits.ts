import { readFileSync } from 'node:fs';
import type { ResourceLimit, ResourceLimitName } from '@proffer/isolator-native';
import type { ContainerSpec } from '../containerizer/types.js';
import type { Isolator } from './types.js';

/** Names as in setrlimit(2), in small letters, with their line in /proc/<pid>/limits. */
const NAMES: Readonly<Record<ResourceLimitName, string>> = {
  as: 'Max address space', core: 'Max core file size', cpu: 'Max cpu time', data: 'Max data size', fsize: 'Max file size',
  locks: 'Max file locks', memlock: 'Max locked memory', msgqueue: 'Max msgqueue size', nice: 'Max nice priority',
  nofile: 'Max open files', nproc: 'Max processes', rss: 'Max resident set', rtprio: 'Max realtime priority',
  rttime: 'Max realtime timeout', sigpending: 'Max pending signals', stack: 'Max stack size',
};

/** Who may go above the agent's own hard limits. */
export interface LimitsPolicy {
  readonly mayRaise: (spec: ContainerSpec) => boolean;
  /** The agent's own, as in /proc/self/limits. */
  readonly ownLimits?: () => string;
}

/** setrlimit(2) per task: soft and hard limits by name. A hard limit that the kernel would not raise is refused with the reason. */
export function rlimitsIsolator({ mayRaise, ownLimits = () => readFileSync('/proc/self/limits', 'utf8') }: LimitsPolicy): Isolator {
  return {
    name: 'rlimits',
    handles: ['linux.rlimits'],
    prepare(spec) {
      const wishes = spec.container?.linux?.rlimits;
      if (wishes === undefined) return {};
      const limits: Partial<Record<ResourceLimitName, ResourceLimit>> = {};
      wishes.forEach((wish, index) => {
        const field = `container.linux.rlimits[${index}]`;
        const name = nameOf(field, wish.name);
        if (limits[name] !== undefined) throw new Error(`${field}.name: "${name}" is given twice`);
        const limit = { soft: bound(`${field}.soft`, wish.soft), hard: bound(`${field}.hard`, wish.hard) };
        if (limit.hard !== null && (limit.soft === null || limit.soft > limit.hard)) {
          throw new Error(`${field}.soft: must be at most the hard limit ${limit.hard}, got ${wish.soft}`);
        }
        const own = mayRaise(spec) ? null : ownHard(name, ownLimits());
        if (own !== null && (limit.hard === null || limit.hard > own)) {
          throw new Error(`${field}.hard: ${wish.hard} is above this agent's own hard limit ${own}, which the kernel does not let it ` +
            `raise; ask for at most ${own}, or raise the agent's`);
        }
        limits[name] = limit;
      });
      return { rlimits: limits };
    },
  };
}

function nameOf(field: string, text: string): ResourceLimitName {
  const name = text.toLowerCase().replace(/^(rlimit|rlmt)_/, '');
  if (Object.hasOwn(NAMES, name)) return name as ResourceLimitName;
  throw new Error(`${field}.name: must be one of ${Object.keys(NAMES).join(', ')}, got ${JSON.stringify(text)}`);
}

function bound(field: string, value: number | 'unlimited'): number | null {
  if (value === 'unlimited') return null;
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new Error(`${field}: must be a whole number or "unlimited", got ${value}`);
}

/** Null where it is unlimited, or where the kernel does not say. */
function ownHard(name: ResourceLimitName, limits: string): number | null {
  const line = limits.split('\n').find((text) => text.startsWith(NAMES[name]));
  const hard = Number(line?.slice(NAMES[name].length).trim().split(/\s+/)[1]);
  return Number.isNaN(hard) ? null : hard;
}
