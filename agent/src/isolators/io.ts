import type { IoLimits, IoThrottle } from '@proffer/isolator-native';
import type { IoInfo } from '@proffer/sdk/model';
import type { Disks } from './disks.js';
import type { Isolator } from './types.js';

const MICROSECONDS = 1e6;

type Throttle = NonNullable<IoInfo['throttles']>[number];

/** The bounds of a throttle, as a task and as the kernel's side calls them. */
const BOUNDS = [
  ['readBytes', 'readBytesPerSecond'],
  ['writeBytes', 'writeBytesPerSecond'],
  ['readOperations', 'readOperationsPerSecond'],
  ['writeOperations', 'writeOperationsPerSecond'],
] as const satisfies readonly (readonly [keyof Throttle, keyof IoThrottle])[];

/** What a container reads from and writes to disks: figures always, a weight and bounds on request. */
export function ioIsolator(disks: Disks): Isolator {
  return {
    name: 'io',
    handles: ['linux.io'],
    prepare(spec) {
      const wish = spec.container?.linux?.io;
      return wish === undefined ? {} : { limits: { io: ioLimits(wish, disks) } };
    },
    usage({ io, pressure }) {
      return {
        ...(io === undefined ? {} : { io: io.map(({ device, ...figures }) => ({ device: disks.nameOf(device), ...figures })) }),
        ...(pressure === undefined ? {} : {
          ioPressureSeconds: pressure.io.someUs / MICROSECONDS,
          ioPressurePercent: pressure.io.somePercent,
          ioStallSeconds: pressure.io.fullUs / MICROSECONDS,
        }),
      };
    },
  };
}

/** A disk that is named goes before `*`, whatever the order. */
function ioLimits({ weight, throttles = [] }: IoInfo, disks: Disks): IoLimits {
  const byDevice = new Map<string, IoThrottle>();
  for (const throttle of throttles.toSorted((left, right) => Number(right.device === '*') - Number(left.device === '*'))) {
    for (const device of devicesOf(throttle, disks)) byDevice.set(device, { ...byDevice.get(device), ...bounds(throttle), device });
  }
  if (weight !== undefined && !(Number.isInteger(weight) && weight >= 10 && weight <= 1000)) {
    throw new Error(`container.linux.io.weight: must be a whole number from 10 to 1000, got ${weight}`);
  }
  return { ...(weight === undefined ? {} : { weight }), ...(byDevice.size === 0 ? {} : { throttles: [...byDevice.values()] }) };
}

function devicesOf({ device }: Throttle, disks: Disks): readonly string[] {
  if (device === '*') return disks.all();
  const whole = disks.wholeOf(device);
  if (whole === undefined) throw new Error(`container.linux.io.throttles: ${device} is no disk of this agent; "*" stands for all of them`);
  return [whole];
}

function bounds(throttle: Throttle): Omit<IoThrottle, 'device'> {
  const found = BOUNDS.flatMap(([wish, field]) => (throttle[wish] === undefined ? [] : [[field, throttle[wish]] as const]));
  for (const [field, value] of found) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new Error(`container.linux.io.throttles: ${field} must be a whole number of at least 1, got ${value}`);
    }
  }
  return Object.fromEntries(found);
}
