import type { CgroupLimits, DeviceRule } from '../types/cgroups.js';
import { invalid, writeAll } from './controller.js';
import type { ControllerSide, FileWrite } from './controller.js';
import type { CgroupFiles } from './files.js';
import { textOf } from './parse.js';

/** Device numbers have 12 bits of major and 20 of minor. */
const MAJOR_MAX = 0xfff;
const MINOR_MAX = 0xfffff;
/** As many rules as fit an eBPF program of the oldest kernels (4096 instructions) with room to spare. */
export const DEVICE_RULES_MAX = 256;

/** Letters in any order, none twice. */
const ACCESS = /^(?!.*(.).*\1)[rwm]+$/;

/** What a fresh v1 cgroup has that was made in one that allows all. */
const ALLOW_ALL = 'a *:* rwm';

/** Numbers of the eBPF interface. */
const BPF_TYPE = { block: 1, char: 2 } as const;
const BPF_ACCESS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const BPF_ANY = -1;

/** Throws what is wrong with `limits.devices`. */
export function checkDevices({ devices }: CgroupLimits): void {
  if (devices !== undefined && devices.length > DEVICE_RULES_MAX) {
    throw invalid('devices', `at most ${DEVICE_RULES_MAX} rules`, `${devices.length} rules`);
  }
  devices?.forEach((rule, index) => {
    const field = `devices[${index}]`;
    if (rule.type !== 'char' && rule.type !== 'block') throw invalid(`${field}.type`, '"char" or "block"', rule.type);
    checkNumber(`${field}.major`, rule.major, MAJOR_MAX);
    checkNumber(`${field}.minor`, rule.minor, MINOR_MAX);
    if (!ACCESS.test(rule.access)) throw invalid(`${field}.access`, 'any of r, w and m, each at most once', rule.access);
  });
}

/** v1 `devices`: the kernel keeps the list. */
export const devicesV1: ControllerSide = {
  initial: ({ devices }) => (devices === undefined ? [] : [{ file: 'devices.deny', text: 'a' }, ...devices.map(allow)]),
  update(directory, { devices }, files) {
    if (devices !== undefined) writeAll(directory, changesV1(directory, devices, files), files);
  },
  usageFiles: [],
  parseUsage: () => ({}),
};

/** v2: no files, an eBPF program on the cgroup. */
export const devicesV2: ControllerSide = {
  initial: () => [],
  attach: setProgram,
  update: setProgram,
  usageFiles: [],
  parseUsage: () => ({}),
};

/**
 * Only the difference, new access before old access goes: a device in both lists is never refused in between. The kernel
 * keeps one entry per device, with its letters.
 */
function changesV1(directory: string, devices: readonly DeviceRule[], files: CgroupFiles): FileWrite[] {
  const [content] = files.read([`${directory}/devices.list`]);
  const lines = textOf(content).split('\n').filter((line) => line !== '');
  if (lines.includes(ALLOW_ALL)) return [{ file: 'devices.deny', text: 'a' }, ...devices.map(allow)];
  const before = lettersByDevice(lines);
  const wanted = lettersByDevice(devices.map(ruleText));
  return [...missing(before, wanted, 'devices.allow'), ...missing(wanted, before, 'devices.deny')];
}

/** What `than` has more than `set`, as lines for `file`. */
function missing(set: ReadonlyMap<string, string>, than: ReadonlyMap<string, string>, file: string): FileWrite[] {
  return Array.from(than).flatMap(([device, letters]) => {
    const more = [...letters].filter((letter) => set.get(device)?.includes(letter) !== true).join('');
    return more === '' ? [] : [{ file, text: `${device} ${more}` }];
  });
}

/** `c 1:3` to `rwm`; the letters of several rules for one device add up. */
function lettersByDevice(lines: readonly string[]): Map<string, string> {
  const devices = new Map<string, string>();
  for (const line of lines) {
    const end = line.lastIndexOf(' ');
    const device = line.slice(0, end);
    devices.set(device, (devices.get(device) ?? '') + line.slice(end + 1));
  }
  return devices;
}

function setProgram(directory: string, { devices }: CgroupLimits, files: CgroupFiles): void {
  if (devices !== undefined) files.setDeviceProgram(directory, devices.flatMap(numbers));
}

function allow(rule: DeviceRule): FileWrite {
  return { file: 'devices.allow', text: ruleText(rule) };
}

/** As the kernel lists it: `c 1:3 rwm`. */
function ruleText({ type, major, minor, access }: DeviceRule): string {
  const letters = ['r', 'w', 'm'].filter((letter) => access.includes(letter)).join('');
  return `${type === 'char' ? 'c' : 'b'} ${major ?? '*'}:${minor ?? '*'} ${letters}`;
}

function numbers({ type, major, minor, access }: DeviceRule): number[] {
  const bits = [...access].reduce((sum, letter) => sum | (BPF_ACCESS[letter] ?? 0), 0);
  return [BPF_TYPE[type], major ?? BPF_ANY, minor ?? BPF_ANY, bits];
}

function checkNumber(field: string, value: number | null, most: number): void {
  if (value === null || (Number.isInteger(value) && value >= 0 && value <= most)) return;
  throw invalid(field, `a whole number from 0 to ${most}, or null for all`, value);
}
