import { capabilityMask } from './capabilities.js';
import { namespaceFlags } from './namespace-flags.js';
import type { FlaggedNamespace } from './namespace-flags.js';
import type { IdMapping, MountSpec, OverlaySpec, ResourceLimit, TerminalSize } from './types/index.js';

/** The launcher refuses a spec of another build. */
const MAGIC = 0x5052_4f31;
const MODE_LAUNCH = 1;
const MODE_JOIN = 2;
const MODE_NETWORK = 3;

const MEBIBYTE = 1 << 20;
/** Of a tmpfs and of /dev/shm, where nothing is said. */
const DEFAULT_TMPFS_BYTES = 64 * MEBIBYTE;
const DEFAULT_TMPFS_MODE = 0o755;
/** Of a file in memory: its owner reads it. */
const DEFAULT_FILE_MODE = 0o400;

/** RLIM_INFINITY. */
const UNLIMITED = 0xffff_ffff_ffff_ffffn;

/** RLIMIT_* numbers, the same on x86-64 and arm64. */
export const limitNumbers = {
  cpu: 0, fsize: 1, data: 2, stack: 3, core: 4, rss: 5, nproc: 6, nofile: 7, memlock: 8, as: 9, locks: 10,
  sigpending: 11, msgqueue: 12, nice: 13, rtprio: 14, rttime: 15,
} as const;

/** A task with every default filled in. */
export interface PlannedTask {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly capabilities: readonly string[];
  readonly noNewPrivileges: boolean;
  readonly umask: number;
  readonly oomScoreAdj: number | undefined;
  readonly limits: Readonly<Record<string, ResourceLimit>>;
  readonly cgroups: readonly string[];
  readonly cgroupNamespace: boolean;
  /** Instructions of eight bytes; none: no filter. */
  readonly seccomp: Uint8Array;
}

/** How a task's streams are reached. */
export interface PlannedStreams {
  readonly attach: boolean;
  readonly input: boolean;
  readonly terminal: TerminalSize | undefined;
}

/** A launch with every default filled in. */
export interface PlannedLaunch {
  readonly runtimeDir: string;
  /** The beginning of `state`: JSON without the closing brace. */
  readonly stateHead: string;
  readonly namespaces: readonly FlaggedNamespace[];
  readonly uidMap: readonly IdMapping[];
  readonly gidMap: readonly IdMapping[];
  readonly hostname: string;
  readonly root: string;
  readonly rootWritable: boolean;
  readonly rootOverlay: OverlaySpec | undefined;
  readonly mounts: readonly MountSpec[];
  readonly hiddenPaths: readonly string[];
  readonly maskedPaths: readonly string[];
  readonly readonlyPaths: readonly string[];
  readonly logDirectory: string;
  readonly logFileBytes: number;
  readonly logFiles: number;
  readonly monitorCgroups: readonly string[];
  readonly ownInit: boolean;
  /** Undefined: no time namespace. */
  readonly timeOffsetSeconds: number | undefined;
  readonly rootShifted: boolean;
  /** File of the network namespace to enter instead of making one; empty: none. */
  readonly networkPath: string;
  readonly streams: PlannedStreams;
}

/** A command in a running container. */
export interface PlannedJoin {
  readonly initPid: number;
  readonly initStartTime: number;
  readonly namespaces: readonly FlaggedNamespace[];
  /** 0: none. */
  readonly timeoutMs: number;
  /** 0: output is discarded. */
  readonly captureBytes: number;
  readonly streams: PlannedStreams;
}

/** The payload of one launch, in the order in which launcher/spec.cc reads it. */
export function encodeLaunch(task: PlannedTask, launch: PlannedLaunch): Buffer {
  const writer = new Writer();
  writer.number(MAGIC).number(MODE_LAUNCH);
  writeTask(writer, task);
  writer.text(launch.runtimeDir).text(launch.stateHead).large(flagsOf(launch.namespaces, 'time', ...(launch.networkPath === '' ? [] : ['network' as const])));
  writer.list(launch.uidMap, (mapping) => writeMapping(writer, mapping));
  writer.list(launch.gidMap, (mapping) => writeMapping(writer, mapping));
  writer.text(launch.hostname).text(launch.root).flag(launch.rootWritable);
  writeOverlay(writer, launch.rootOverlay);
  writer.list(launch.mounts, (mount) => writeMount(writer, mount));
  writer.texts(launch.hiddenPaths).texts(launch.maskedPaths).texts(launch.readonlyPaths);
  writer.text(launch.logDirectory).large(launch.logFileBytes).number(launch.logFiles);
  writer.texts(launch.monitorCgroups).flag(launch.ownInit);
  writer.flag(launch.timeOffsetSeconds !== undefined).large(BigInt.asUintN(64, BigInt(launch.timeOffsetSeconds ?? 0)));
  writer.flag(launch.rootShifted);
  writer.text(launch.networkPath);
  writeStreams(writer, launch.streams);
  return writer.finish();
}

/** The payload of one command in a running container. */
export function encodeJoin(task: PlannedTask, join: PlannedJoin): Buffer {
  const writer = new Writer();
  writer.number(MAGIC).number(MODE_JOIN);
  writeTask(writer, task);
  writer.number(join.initPid).large(join.initStartTime).large(flagsOf(join.namespaces));
  writer.number(join.timeoutMs).large(join.captureBytes);
  writeStreams(writer, join.streams);
  return writer.finish();
}

/** What the launcher does for `network.ts`. */
export const networkActions = { make: 1, remove: 2, removeBridge: 3 } as const;

/** The payload of one piece of work on network namespaces. */
export function encodeNetwork(task: PlannedTask, action: keyof typeof networkActions, name: string): Buffer {
  const writer = new Writer();
  writer.number(MAGIC).number(MODE_NETWORK);
  writeTask(writer, task);
  writer.number(networkActions[action]).text(name);
  return writer.finish();
}

/** Left out are the cgroup namespace (the task makes its own, after it has joined its cgroup) and others given here. */
function flagsOf(namespaces: readonly FlaggedNamespace[], ...without: readonly FlaggedNamespace[]): number {
  return namespaces.filter((name) => name !== 'cgroup' && !without.includes(name)).reduce((flags, name) => flags + namespaceFlags[name], 0);
}

function writeTask(writer: Writer, task: PlannedTask): void {
  writer.texts(task.argv).texts(Object.entries(task.env).map(([name, value]) => `${name}=${value}`)).text(task.cwd);
  writer.number(task.uid).number(task.gid).list(task.groups, (group) => writer.number(group));
  writer.large(capabilityMask(task.capabilities)).flag(task.noNewPrivileges).number(task.umask);
  writer.flag(task.oomScoreAdj !== undefined).number((task.oomScoreAdj ?? 0) >>> 0);
  writer.list(Object.entries(task.limits), ([name, limit]) => {
    writer.number(limitNumbers[name as keyof typeof limitNumbers]).large(limit.soft ?? UNLIMITED).large(limit.hard ?? UNLIMITED);
  });
  writer.texts(task.cgroups).flag(task.cgroupNamespace).instructions(task.seccomp);
}

/** Last in every payload. */
function writeStreams(writer: Writer, { attach, input, terminal }: PlannedStreams): void {
  writer.flag(attach).flag(input).flag(terminal !== undefined);
  writer.number(terminal?.columns ?? 0).number(terminal?.rows ?? 0);
}

function writeMapping(writer: Writer, mapping: IdMapping): void {
  writer.number(mapping.inside).number(mapping.outside).number(mapping.count);
}

function writeOverlay(writer: Writer, overlay: OverlaySpec | undefined): void {
  writer.text(overlay?.directory ?? '').texts(overlay?.lower ?? []).text(overlay?.upper ?? '').text(overlay?.work ?? '');
}

const mountTypes = { bind: 1, tmpfs: 2, proc: 3, dev: 4, device: 5, overlay: 6, file: 7, sys: 8 } as const;
const propagations = { private: 0, slave: 1, shared: 2 } as const;

/** Every kind of mount has the same fields on the wire; those of other kinds are empty. */
interface MountFields {
  readonly target?: string;
  readonly source?: string;
  readonly writable?: boolean;
  readonly recursive?: boolean;
  readonly sizeBytes?: number;
  readonly mode?: number;
  readonly executable?: boolean;
  readonly shifted?: boolean;
  readonly propagation?: keyof typeof propagations;
  readonly content?: Uint8Array;
  readonly uid?: number;
  readonly gid?: number;
  readonly overlay?: OverlaySpec;
}

function fieldsOf(mount: MountSpec): MountFields {
  switch (mount.type) {
    case 'bind':
    case 'device':
      return { ...mount, target: mount.target ?? mount.source };
    case 'tmpfs':
      return mount;
    case 'proc':
      return { target: mount.target ?? '/proc' };
    case 'dev':
      return { target: mount.target ?? '/dev', sizeBytes: mount.shmSizeBytes ?? DEFAULT_TMPFS_BYTES };
    case 'overlay':
      return mount;
    case 'file':
      return { ...mount, mode: mount.mode ?? DEFAULT_FILE_MODE, sizeBytes: mount.content.byteLength };
    case 'sys':
      return { target: mount.target ?? '/sys' };
  }
}

function writeMount(writer: Writer, mount: MountSpec): void {
  const fields = fieldsOf(mount);
  writer.number(mountTypes[mount.type]).text(fields.target ?? '').text(fields.source ?? '');
  writer.flag(fields.writable ?? false).flag(fields.recursive ?? false);
  writer.large(fields.sizeBytes ?? DEFAULT_TMPFS_BYTES).number(fields.mode ?? DEFAULT_TMPFS_MODE);
  writer.flag(fields.executable ?? true).flag(fields.shifted ?? false).number(propagations[fields.propagation ?? 'private']);
  writer.bytes(fields.content ?? new Uint8Array()).number(fields.uid ?? 0).number(fields.gid ?? 0);
  writeOverlay(writer, fields.overlay);
}

/** Little-endian numbers of 4 and 8 bytes; texts as length, bytes and a zero; lists as count and items. */
class Writer {
  #buffer = Buffer.allocUnsafe(4096);
  #size = 0;

  number(value: number): this {
    this.#reserve(4);
    this.#size = this.#buffer.writeUInt32LE(value, this.#size);
    return this;
  }

  large(value: number | bigint): this {
    this.#reserve(8);
    this.#size = this.#buffer.writeBigUInt64LE(BigInt(value), this.#size);
    return this;
  }

  flag(value: boolean): this {
    return this.number(value ? 1 : 0);
  }

  text(value: string): this {
    const length = Buffer.byteLength(value);
    this.number(length);
    this.#reserve(length + 1);
    this.#size += this.#buffer.write(value, this.#size);
    this.#buffer[this.#size++] = 0;
    return this;
  }

  bytes(value: Uint8Array): this {
    this.number(value.byteLength);
    this.#reserve(value.byteLength + 1);
    this.#buffer.set(value, this.#size);
    this.#size += value.byteLength;
    this.#buffer[this.#size++] = 0;
    return this;
  }

  list<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.number(items.length);
    for (const item of items) write(item);
    return this;
  }

  texts(items: readonly string[]): this {
    return this.list(items, (item) => this.text(item));
  }

  /** A count and as many pieces of eight bytes. */
  instructions(bytes: Uint8Array): this {
    this.number(bytes.length / 8);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#size);
    this.#size += bytes.length;
    return this;
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  #reserve(size: number): void {
    if (this.#size + size <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#size + size));
    this.#buffer.copy(larger, 0, 0, this.#size);
    this.#buffer = larger;
  }
}
