import { getegid, geteuid, getgid, getuid } from 'node:process';
import { defaultCapabilities, defaultMaskedPaths, defaultReadonlyPaths } from './defaults.js';
import type { PlannedLaunch, PlannedStreams, PlannedTask } from './encode.js';
import { namespaceFlags } from './namespace-flags.js';
import type { FlaggedNamespace } from './namespace-flags.js';
import { stateHead } from './runtime-files.js';
import type { LaunchSpec, UserSpec } from './types/index.js';

const DEFAULT_LOG_BYTES = 10 << 20;
const DEFAULT_LOG_FILES = 2;
const DEFAULT_UMASK = 0o022;

/** The fields that describe a task, in a container of its own or in one that runs. */
export type TaskFields = Pick<
  LaunchSpec,
  'argv' | 'env' | 'cwd' | 'user' | 'capabilities' | 'noNewPrivileges' | 'seccomp' | 'umask' | 'oomScoreAdj' | 'limits'
>;

/** The caller's own ids. */
export function ownIds(): { readonly uid: number; readonly gid: number } {
  return { uid: geteuid?.() ?? getuid?.() ?? 0, gid: getegid?.() ?? getgid?.() ?? 0 };
}

/** Fills in every default of a task. */
export function planTask(
  fields: TaskFields,
  surroundings: { readonly cgroups: readonly string[]; readonly cgroupNamespace: boolean; readonly userNamespace: boolean },
): PlannedTask {
  const own = ownIds();
  const { uid, gid, groups = [] }: UserSpec = fields.user ?? own;
  const mayHaveRights = uid === 0 && (own.uid === 0 || surroundings.userNamespace);
  return {
    argv: fields.argv,
    env: fields.env ?? {},
    cwd: fields.cwd ?? '/',
    uid,
    gid,
    groups,
    capabilities: fields.capabilities ?? (mayHaveRights ? defaultCapabilities : []),
    noNewPrivileges: fields.noNewPrivileges ?? true,
    umask: fields.umask ?? DEFAULT_UMASK,
    oomScoreAdj: fields.oomScoreAdj,
    limits: fields.limits ?? {},
    cgroups: surroundings.cgroups,
    cgroupNamespace: surroundings.cgroupNamespace,
    seccomp: fields.seccomp ?? new Uint8Array(),
  };
}

/** Fills in every default of a checked launch. */
export function planLaunch(spec: LaunchSpec): { readonly task: PlannedTask; readonly launch: PlannedLaunch } {
  const namespaces = namespacesOf(spec);
  const cgroups = spec.cgroup?.directories ?? [];
  const ownProc = spec.mounts?.some(({ type }) => type === 'proc') === true;
  const task = planTask(spec, {
    cgroups,
    cgroupNamespace: namespaces.includes('cgroup'),
    userNamespace: namespaces.includes('user'),
  });
  const launch: PlannedLaunch = {
    runtimeDir: spec.runtimeDir,
    stateHead: stateHead({ id: spec.id, namespaces, cgroups }),
    namespaces,
    uidMap: spec.namespaces?.user?.uidMap ?? [],
    gidMap: spec.namespaces?.user?.gidMap ?? [],
    hostname: spec.hostname ?? '',
    root: spec.root?.path ?? '/',
    rootWritable: spec.root?.writable ?? false,
    rootOverlay: spec.root?.overlay,
    mounts: spec.mounts ?? [],
    hiddenPaths: spec.hiddenPaths ?? [],
    maskedPaths: spec.maskedPaths ?? (ownProc ? defaultMaskedPaths : []),
    readonlyPaths: spec.readonlyPaths ?? (ownProc ? defaultReadonlyPaths : []),
    logDirectory: spec.logs?.directory ?? '',
    logFileBytes: spec.logs?.maxFileBytes ?? DEFAULT_LOG_BYTES,
    logFiles: spec.logs?.maxFiles ?? DEFAULT_LOG_FILES,
    monitorCgroups: spec.monitorCgroup?.directories ?? [],
    ownInit: spec.ownInit ?? false,
    timeOffsetSeconds: spec.namespaces?.time?.offsetSeconds,
    rootShifted: spec.root?.shifted ?? false,
    networkPath: typeof spec.namespaces?.network === 'object' ? spec.namespaces.network.path : '',
    streams: planStreams(spec),
  };
  return { task, launch };
}

/** The usual size, where somebody who attaches will say the real one. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

/** How the streams of a launch or of a session are reached. */
export function planStreams({ attach = false, stdin = false, terminal }: Pick<LaunchSpec, 'attach' | 'stdin' | 'terminal'>): PlannedStreams {
  return {
    attach,
    input: stdin,
    terminal: terminal && { columns: terminal.columns ?? DEFAULT_COLUMNS, rows: terminal.rows ?? DEFAULT_ROWS },
  };
}

function namespacesOf({ namespaces = {} }: LaunchSpec): FlaggedNamespace[] {
  return (Object.keys(namespaceFlags) as FlaggedNamespace[]).filter((name) => Boolean(namespaces[name]));
}
