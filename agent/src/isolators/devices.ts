import type { DeviceRule } from '@proffer/isolator-native';
import type { Isolator } from './types.js';

/** The harmless devices may be used (null, zero, full, random, urandom, tty, pts); every other is refused by the kernel. */
export function devicesIsolator(rules: readonly DeviceRule[]): Isolator {
  return { name: 'devices', prepare: () => ({ limits: { devices: rules } }) };
}
