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
const COUNT_MAX = 0xffff_ffff;
/** NGROUPS_MAX. */
const GROUPS_MAX = 65_536;

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
  limits: (field, value) => checkObject(field, value, limitChecks),
  umask: (field, value) => checkInteger(field, value, 0, 0o777),
  oomScoreAdj: (field, value) => checkInteger(field, value, -1000, 1000),
  cgroup: (field, value) => checkCgroup(field, value),
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
    }),
  hostname: (field, value) => checkPattern(field, value, HOSTNAME_PATTERN, '1 to 64 letters, digits, ".", "_" or "-"'),
  root: (field, value) => checkObject(field, value, { path: checkPath, writable: checkBoolean }, ['path']),
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
};

interface MountChecks {
  readonly checks: Readonly<Record<string, Check>>;
  readonly required: readonly string[];
}

const mountChecks: Readonly<Record<string, MountChecks>> = {
  bind: {
    checks: { source: checkPath, target: checkPath, writable: checkBoolean, recursive: checkBoolean },
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

function checkCgroup(field: string, value: unknown): void {
  const directories = typeof value === 'object' && value !== null && 'directories' in value ? value.directories : undefined;
  if (directories === undefined) throw invalid(field, 'a cgroup of openCgroupTree()', value);
  checkList(`${field}.directories`, directories, checkPath);
}
