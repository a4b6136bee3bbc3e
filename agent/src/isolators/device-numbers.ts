import { statSync } from 'node:fs';

/** A device node's kind and numbers. */
export interface DeviceNumbers {
  readonly type: 'char' | 'block';
  readonly major: number;
  readonly minor: number;
}

/** Undefined where there is no such node, or it is no device. */
export function deviceNumbers(path: string): DeviceNumbers | undefined {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined || !(status.isCharacterDevice() || status.isBlockDevice())) return undefined;
  return {
    type: status.isBlockDevice() ? 'block' : 'char',
    // As the kernel packs them: eight bits of the minor number, twelve of the major, the rest of the minor.
    major: (status.rdev >>> 8) & 0xfff,
    minor: (status.rdev & 0xff) | ((status.rdev >>> 12) & 0xfff00),
  };
}
