import { capabilityNumber } from './capabilities.js';
import { limitNumbers } from './encode.js';
import { checkBoolean, checkId, checkInteger, checkList, checkObject, checkPath, checkText, invalid } from './field.js';
import type { LaunchSpec, UserNamespaceSpec } from './types/index.js';

/** As long as a file name may be, with room for a suffix; it also goes into the launcher's title. */
const ID_PATTERN = /^[A-Za-z0-9._-]{1,128}$/;
const HOSTNAME_PATTERN = /^[A-Za-z0-9._-]{1,64}$/;
/** The kernel takes no more lines in an id map. */
const MAPPINGS_MAX = 340;
/** Files in which a log could still be found by a person. */
const LOG_FILES_MAX = 1000;
const LOG_BYTES_MIN = 1024;
const MODE_MAX = 0o7777;
/** A file in memory is a secret or a small configuration, and travels inside the spec. */
const FILE_BYTES_MAX = 1 << 20;
const COUNT_MAX = 0xffff_ffff;
/** NGROUPS_MAX. */
const GROUPS_MAX = 65_536;

/** BPF_MAXINSNS, and the size of one. */
const INSTRUCTIONS_MAX = 4096;
const INSTRUCTION_BYTES = 8;
/** Less than the kernel's own bound of 146 years, whatever the clock says. */
const OFFSET_SECONDS_MAX = 1_000_000_000;

type Check = (field: string, value: unknown) => void;

const paths: Check = (field, value) => checkList(field, value, checkPath);
const positive: Check = (field, value) => checkInteger(field, value, 1, Number.MAX_SAFE_INTEGER);

const limitChecks = Object.fromEntries(Object.keys(limitNumbers).map((name) => [name, checkLimit]));

/** Checks of what launching and `execIn` have in common. */
export const taskChecks: Readonly<Record<string, Check>> = {
  argv: (field, value) => {
    checkList(field, value, checkText);
    const [program] = value as readonly string[];
    if (program === undefined || program === '') throw invalid(field, 'a program first', value);
  },
  env: (field, value) => checkEnvironment(field, value),
  cwd: checkPath,
  user: (field, value) => checkObject(field, value, { uid: checkId, gid: checkId, groups: checkGroups }, ['uid', 'gid']),
  capabilities: (field, value) =>
    checkList(field, value, (at, item) => {
      const known = typeof item === 'string' && capabilityNumber(item) !== undefined;
      if (!known) throw invalid(at, 'a capability such as NET_BIND_SERVICE', item);
    }),
  noNewPrivileges: checkBoolean,
  seccomp: checkProgram,
  limits: (field, value) => checkObject(field, value, limitChecks),
  umask: (field, value) => checkInteger(field, value, 0, 0o777),
  oomScoreAdj: (field, value) => checkInteger(field, value, -1000, 1000),
  cgroup: (field, value) => checkCgroup(field, value),
};

/** What the kernel stores in 16 bits. */
const TERMINAL_MAX = 0xffff;
const terminalSide: Check = (field, value) => checkInteger(field, value, 1, TERMINAL_MAX);

/** Of both launching and sessions. */
export const streamChecks: Readonly<Record<string, Check>> = {
  terminal: (field, value) => checkObject(field, value, { columns: terminalSide, rows: terminalSide }),
  stdin: checkBoolean,
};

const launchChecks: Readonly<Record<string, Check>> = {
  ...taskChecks,
  id: (field, value) => checkPattern(field, value, ID_PATTERN, '1 to 128 letters, digits, ".", "_" or "-"'),
  runtimeDir: checkPath,
  namespaces: (field, value) =>
    checkObject(field, value, {
      pid: checkBoolean,
      mount: checkBoolean,
      uts: checkBoolean,
      ipc: checkBoolean,
      cgroup: checkBoolean,
      user: checkUserNamespace,
      network: (at, item) => (typeof item === 'boolean' ? undefined : checkObject(at, item, { path: checkPath }, ['path'])),
      time: (at, item) => checkObject(at, item, { offsetSeconds: checkOffset }, ['offsetSeconds']),
    }),
  hostname: (field, value) => checkPattern(field, value, HOSTNAME_PATTERN, '1 to 64 letters, digits, ".", "_" or "-"'),
  root: (field, value) => checkObject(field, value, { path: checkPath, writable: checkBoolean, shifted: checkBoolean, overlay: checkOverlay }, ['path']),
  mounts: (field, value) => checkList(field, value, checkMount),
  hiddenPaths: paths,
  maskedPaths: paths,
  readonlyPaths: paths,
  logs: (field, value) =>
    checkObject(
      field,
      value,
      {
        directory: checkPath,
        maxFileBytes: (at, item) => checkInteger(at, item, LOG_BYTES_MIN, Number.MAX_SAFE_INTEGER),
        maxFiles: (at, item) => checkInteger(at, item, 1, LOG_FILES_MAX),
      },
      ['directory'],
    ),
  monitorCgroup: (field, value) => checkCgroup(field, value),
  ownInit: checkBoolean,
  ...streamChecks,
  attach: checkBoolean,
};

interface MountChecks {
  readonly checks: Readonly<Record<string, Check>>;
  readonly required: readonly string[];
}

const mountChecks: Readonly<Record<string, MountChecks>> = {
  bind: {
    checks: {
      source: checkPath,
      target: checkPath,
      writable: checkBoolean,
      recursive: checkBoolean,
      shifted: checkBoolean,
      propagation: (field, value) => checkPattern(field, value, /^(private|slave|shared)$/, 'private, slave or shared'),
    },
    required: ['source'],
  },
  tmpfs: {
    checks: {
      target: checkPath,
      sizeBytes: positive,
      mode: (field, value) => checkInteger(field, value, 0, MODE_MAX),
      executable: checkBoolean,
    },
    required: ['target'],
  },
  proc: { checks: { target: checkPath }, required: [] },
  dev: { checks: { target: checkPath, shmSizeBytes: positive }, required: [] },
  overlay: { checks: { target: checkPath, overlay: checkLowerLayers }, required: ['target', 'overlay'] },
  file: {
    checks: {
      target: checkPath,
      content: (field, value) => {
        if (!(value instanceof Uint8Array) || value.byteLength > FILE_BYTES_MAX) {
          throw invalid(field, `at most ${FILE_BYTES_MAX} bytes`, typeof value);
        }
      },
      uid: checkId,
      gid: checkId,
      mode: (field, value) => checkInteger(field, value, 0, MODE_MAX),
    },
    required: ['target', 'content', 'uid', 'gid'],
  },
  sys: { checks: { target: checkPath }, required: [] },
  device: { checks: { source: checkPath, target: checkPath }, required: ['source'] },
};

/** Throws `INVALID_SPEC` naming the first bad field, what was expected there and what came. */
export function checkLaunchSpec(spec: LaunchSpec): void {
  checkObject('', spec, launchChecks, ['id', 'runtimeDir', 'argv']);
  checkDependencies(spec);
}

/** What only makes sense together with a namespace of its own. */
function checkDependencies(spec: LaunchSpec): void {
  const { namespaces = {} } = spec;
  const need = (field: keyof LaunchSpec, namespace: 'mount' | 'uts' | 'pid'): void => {
    const value = spec[field];
    const used = Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
    if (used && namespaces[namespace] !== true) throw invalid(field, `namespaces.${namespace} to be true with it`, value);
  };
  need('hostname', 'uts');
  need('ownInit', 'pid');
  for (const field of ['root', 'mounts', 'hiddenPaths', 'maskedPaths', 'readonlyPaths'] as const) need(field, 'mount');
  const shifted = spec.mounts?.findIndex((mount) => mount.type === 'bind' && mount.shifted === true) ?? -1;
  if (namespaces.user === undefined && (spec.root?.shifted === true || shifted >= 0)) {
    throw invalid(shifted < 0 ? 'root.shifted' : `mounts[${shifted}].shifted`, 'namespaces.user with it', true);
  }
  const index = spec.mounts?.findIndex(({ type }) => type === 'proc') ?? -1;
  if (index >= 0 && namespaces.pid !== true) {
    throw invalid(`mounts[${index}]`, 'namespaces.pid to be true with a proc mount', spec.mounts?.[index]);
  }
}

function checkPattern(field: string, value: unknown, pattern: RegExp, words: string): void {
  if (typeof value !== 'string' || !pattern.test(value)) throw invalid(field, words, value);
}

function checkMount(field: string, value: unknown): void {
  const type = typeof value === 'object' && value !== null && 'type' in value ? value.type : undefined;
  const known = typeof type === 'string' && Object.hasOwn(mountChecks, type) ? mountChecks[type] : undefined;
  if (known === undefined) throw invalid(`${field}.type`, `one of ${Object.keys(mountChecks).join(', ')}`, type);
  checkObject(field, value, { type: checkText, ...known.checks }, known.required);
}

/** Names inside the layers' directory: what would end a name in the mount's options cannot be in one. */
const layerName: Check = (field, value) =>
  checkPattern(field, value, /^[A-Za-z0-9._/-]+$/, 'letters, digits, ".", "_", "-" and "/"');
const layerNames: Check = (field, value) => {
  checkList(field, value, layerName);
  if ((value as readonly unknown[]).length === 0) throw invalid(field, 'one layer at least', value);
};

function checkOverlay(field: string, value: unknown): void {
  const checks = { directory: checkPath, lower: layerNames, upper: layerName, work: layerName };
  checkObject(field, value, checks, ['directory', 'lower']);
  const { upper, work } = value as { readonly upper?: string; readonly work?: string };
  if ((upper === undefined) !== (work === undefined)) throw invalid(field, 'upper and work together', value);
}

function checkLowerLayers(field: string, value: unknown): void {
  checkObject(field, value, { directory: checkPath, lower: layerNames }, ['directory', 'lower']);
}

function checkEnvironment(field: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, 'an object of texts', value);
  for (const [name, item] of Object.entries(value)) {
    const nameable = name !== '' && !name.includes('=') && !name.includes('\0');
    if (!nameable) throw invalid(field, 'variable names without "=" and zero bytes', name);
    checkText(`${field}.${name}`, item);
  }
}

function checkGroups(field: string, value: unknown): void {
  checkList(field, value, checkId);
  if ((value as readonly unknown[]).length > GROUPS_MAX) throw invalid(field, `at most ${GROUPS_MAX} groups`, value);
}

function checkLimit(field: string, value: unknown): void {
  const bound: Check = (at, item) => {
    if (item !== null) checkInteger(at, item, 0, Number.MAX_SAFE_INTEGER);
  };
  checkObject(field, value, { soft: bound, hard: bound }, ['soft', 'hard']);
  const { soft, hard } = value as { readonly soft: number | null; readonly hard: number | null };
  const above = hard !== null && (soft === null || soft > hard);
  if (above) throw invalid(`${field}.soft`, `at most the hard limit ${hard}`, soft ?? 'unlimited');
}

function checkUserNamespace(field: string, value: unknown): void {
  const checks: Record<keyof UserNamespaceSpec, Check> = { uidMap: checkMappings, gidMap: checkMappings };
  checkObject(field, value, checks, ['uidMap', 'gidMap']);
}

function checkMappings(field: string, value: unknown): void {
  const count: Check = (at, item) => checkInteger(at, item, 1, COUNT_MAX);
  const checks = { inside: checkId, outside: checkId, count };
  checkList(field, value, (at, item) => checkObject(at, item, checks, Object.keys(checks)));
  const { length } = value as readonly unknown[];
  if (length === 0 || length > MAPPINGS_MAX) throw invalid(field, `1 to ${MAPPINGS_MAX} mappings`, value);
}

function checkOffset(field: string, value: unknown): void {
  checkInteger(field, Math.abs(Number(value)), 0, OFFSET_SECONDS_MAX);
  if (typeof value !== 'number') throw invalid(field, 'a number of seconds', value);
}

function checkProgram(field: string, value: unknown): void {
  const whole = value instanceof Uint8Array && value.length > 0 && value.length % INSTRUCTION_BYTES === 0;
  if (whole && value.length <= INSTRUCTION_BYTES * INSTRUCTIONS_MAX) return;
  const came = value instanceof Uint8Array ? `${value.length} bytes` : value;
  throw invalid(field, `a BPF program of 1 to ${INSTRUCTIONS_MAX} instructions`, came);
}

function checkCgroup(field: string, value: unknown): void {
  const directories = typeof value === 'object' && value !== null && 'directories' in value ? value.directories : undefined;
  if (directories === undefined) throw invalid(field, 'a cgroup of openCgroupTree()', value);
  checkList(`${field}.directories`, directories, checkPath);
}
