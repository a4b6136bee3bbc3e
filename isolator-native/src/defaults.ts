import type { DeviceRule } from './types/cgroups.js';
import type { CapabilityName } from './types/spec.js';

/**
 * What root inside a container keeps: enough to install packages, change owners and drop to other users; nothing that
 * reaches the machine. The set that Docker made customary.
 */
export const defaultCapabilities: readonly CapabilityName[] = [
  'AUDIT_WRITE', 'CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'MKNOD',
  'NET_BIND_SERVICE', 'NET_RAW', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT',
];

/** Devices that carry nothing from one container to another: null, zero, full, random, urandom, tty, ptmx, and all pts. */
export const defaultDeviceRules: readonly DeviceRule[] = [
  { type: 'char', major: 1, minor: 3, access: 'rwm' },
  { type: 'char', major: 1, minor: 5, access: 'rwm' },
  { type: 'char', major: 1, minor: 7, access: 'rwm' },
  { type: 'char', major: 1, minor: 8, access: 'rwm' },
  { type: 'char', major: 1, minor: 9, access: 'rwm' },
  { type: 'char', major: 5, minor: 0, access: 'rwm' },
  { type: 'char', major: 5, minor: 2, access: 'rwm' },
  { type: 'char', major: 136, minor: null, access: 'rwm' },
];

/** Files of /proc and /sys that tell about the machine or its kernel's memory: not seen inside (as in OCI's default). */
export const defaultMaskedPaths: readonly string[] = [
  '/proc/acpi', '/proc/asound', '/proc/interrupts', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/sched_debug',
  '/proc/scsi', '/proc/timer_list', '/proc/timer_stats', '/sys/devices/virtual/powercap', '/sys/firmware',
];

/** Parts of /proc through which the machine could be changed: read-only inside (the list of the OCI's default). */
export const defaultReadonlyPaths: readonly string[] = [
  '/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger',
];
