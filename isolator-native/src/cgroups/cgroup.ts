import { constants } from 'node:os';
import type { Cgroup, CgroupLimits, CgroupUsage, OomEvent } from '../types/cgroups.js';
import { IsolatorError } from '../types/errors.js';
import type { ControllerName } from '../types/probe.js';
import type { ControllerSide, CpuThrottling } from './controller.js';
import { checkLimits } from './controllers.js';
import { killCgroup, removeCgroup } from './end.js';
import type { EndTarget } from './end.js';
import type { CgroupFiles } from './files.js';
import { watchOom } from './oom.js';

/** One controller of a cgroup, at its directory. */
export interface PlacedController {
  readonly name: ControllerName;
  readonly version: 1 | 2;
  readonly side: ControllerSide;
  readonly directory: string;
}

/** v1 without the `cpu` controller has CPU time, and no quota that could throttle. */
const NO_THROTTLING: CpuThrottling = { periods: 0, throttledPeriods: 0, throttledUs: 0 };

/** What a tree tells its cgroups. */
export interface CgroupParts {
  readonly name: string;
  /** One directory per hierarchy. */
  readonly directories: readonly string[];
  readonly controllers: readonly PlacedController[];
  readonly files: CgroupFiles;
  /** Called after a soft limit was set, and with false after one may have gone with its cgroup. */
  readonly softLimitChanged: (set: boolean) => void;
  /** Gives the cgroup a real-time budget, and the levels above what they need for it. */
  readonly setRealtime: (us: number) => void;
  /** Whether some cgroup of the tree has a real-time budget. */
  readonly usesRealtime: () => boolean;
  /** Gives back the budget of a cgroup in which nothing runs any more. */
  readonly dropRealtime: () => void;
}

/** A cgroup in the kernel; the tree makes them. */
export class KernelCgroup implements Cgroup {
  readonly name: string;
  readonly directories: readonly string[];
  readonly #controllers: readonly PlacedController[];
  readonly #files: CgroupFiles;
  readonly #usagePaths: readonly string[];
  readonly #softLimitChanged: (set: boolean) => void;
  readonly #setRealtime: (us: number) => void;
  readonly #usesRealtime: () => boolean;
  readonly #dropRealtime: () => void;
  readonly #stopWatching = new Set<() => void>();

  constructor({ name, directories, controllers, files, softLimitChanged, ...realtime }: CgroupParts) {
    this.name = name;
    this.#setRealtime = realtime.setRealtime;
    this.#usesRealtime = realtime.usesRealtime;
    this.#dropRealtime = realtime.dropRealtime;
    this.directories = directories;
    this.#controllers = controllers;
    this.#files = files;
    this.#softLimitChanged = softLimitChanged;
    this.#usagePaths = controllers.flatMap(({ side, directory }) => side.usageFiles.map((file) => `${directory}/${file}`));
  }

  update(limits: CgroupLimits): void {
    checkLimits(limits, new Set(this.#controllers.map(({ name }) => name)));
    for (const { side, directory } of this.#controllers) side.update(directory, limits, this.#files);
    if (limits.memory?.softLimitBytes !== undefined) this.#softLimitChanged(true);
    if (limits.cpu?.realtimeUs !== undefined) this.#setRealtime(limits.cpu.realtimeUs);
  }

  usage(): CgroupUsage {
    const contents = this.#files.read(this.#usagePaths);
    this.#refuseMissing(contents);
    let from = 0;
    const parts = this.#controllers.map(({ side }) => side.parseUsage(contents.slice(from, (from += side.usageFiles.length))));
    const { cpuTime, throttling, ...rest } = Object.assign({}, ...parts) as ReturnType<ControllerSide['parseUsage']>;
    return {
      ...(cpuTime === undefined ? {} : { cpu: { ...NO_THROTTLING, ...cpuTime, ...throttling } }),
      ...rest,
    };
  }

  processes(): number[] {
    return this.#files.processes(this.directories);
  }

  onOom(listener: (event: OomEvent) => void): () => void {
    const memory = this.#controllers.find(({ name }) => name === 'memory');
    if (memory === undefined) {
      throw new IsolatorError(`watch memory of cgroup ${this.name}: the tree has no memory controller`, {
        code: 'INVALID_SPEC', errno: 0, step: 'watch memory', path: this.name,
      });
    }
    const usage = () => memory.side.parseUsage(this.#readAll(memory)).memory!;
    const stopWatch = watchOom({ directory: memory.directory, version: memory.version, files: this.#files, usage, listener });
    const stop = () => {
      this.#stopWatching.delete(stop);
      stopWatch();
    };
    this.#stopWatching.add(stop);
    return stop;
  }

  kill(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    return killCgroup(this.#endTarget(), this.#files, options.timeoutMs);
  }

  async remove(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    if (this.#usesRealtime()) {
      // The kernel counts the budget of a removed cgroup for a while yet, so it is given back before.
      await this.kill(options);
      this.#dropRealtime();
    }
    await removeCgroup(this.#endTarget(), this.#files, options.timeoutMs);
    for (const stop of this.#stopWatching) stop();
    this.#softLimitChanged(false);
  }

  #readAll({ side, directory }: PlacedController): (string | number)[] {
    const contents = this.#files.read(side.usageFiles.map((file) => `${directory}/${file}`));
    this.#refuseMissing(contents);
    return contents;
  }

  /** Single files may be missing on some kernels; with none of them readable the cgroup itself is gone. */
  #refuseMissing(contents: readonly (string | number)[]): void {
    const [first] = contents;
    if (typeof first !== 'number' || contents.some((content) => typeof content === 'string')) return;
    const [code = `E${first}`] = Object.entries(constants.errno).find(([, value]) => value === first) ?? [];
    throw new IsolatorError(`read usage of cgroup ${this.name}: ${code}, ${this.directories[0]} is not there (any more)`, {
      code, errno: first, step: 'read usage', syscall: 'open', path: this.directories[0] ?? this.name,
    });
  }

  #endTarget(): EndTarget {
    const place = (wanted: ControllerName, only?: 1 | 2) =>
      this.#controllers.find(({ name, version }) => name === wanted && (only === undefined || version === only))?.directory;
    const unified = this.#controllers.find(({ version }) => version === 2)?.directory;
    const pids = place('pids');
    const freezerV1 = place('freezer', 1);
    return {
      name: this.name,
      directories: this.directories,
      ...(unified === undefined ? {} : { unified }),
      ...(pids === undefined ? {} : { pids }),
      ...(freezerV1 === undefined ? {} : { freezerV1 }),
    };
  }
}
