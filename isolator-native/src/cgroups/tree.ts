import { constants } from 'node:os';
import type { Cgroup, CgroupLimits, CgroupTree, CgroupTreeOptions } from '../types/cgroups.js';
import { IsolatorError } from '../types/errors.js';
import type { CgroupLayout, ControllerName, ControllerLocation } from '../types/probe.js';
import { KernelCgroup } from './cgroup.js';
import type { PlacedController } from './cgroup.js';
import { checkLimits, controllerNames, defaultControllers, sideOf } from './controllers.js';
import type { CgroupFiles } from './files.js';
import { kernelFiles } from './files.js';
import { detectLayout } from './layout.js';
import { readCgroupFacts } from './mounts.js';
import { checkName, checkPrefix } from './names.js';
import { Prefix } from './prefix.js';
import { parseCores } from './cpuset.js';
import { textOf } from './parse.js';
import { coverSoftLimits } from './protection.js';
import { RealtimeBudgets } from './realtime.js';

/**
 * All cgroups below one prefix. Nothing is made in the kernel before the first `create`. Throws `INVALID_SPEC` for a bad
 * prefix and for a controller that is not usable here, with the reason.
 */
export function openCgroupTree(options: CgroupTreeOptions): CgroupTree {
  checkPrefix(options.prefix);
  return openTreeIn(detectLayout(readCgroupFacts(), kernelFiles), options, kernelFiles);
}

/** The same in a given layout, for tests and for callers that have one from `probe`. */
export function openTreeIn(layout: CgroupLayout, options: CgroupTreeOptions, files: CgroupFiles): CgroupTree {
  checkPrefix(options.prefix);
  return new KernelTree(options.prefix, selectControllers(layout, options.controllers), files);
}

class KernelTree implements CgroupTree {
  readonly prefix: string;
  readonly controllers: Readonly<Partial<Record<ControllerName, 1 | 2>>>;
  readonly #placed: readonly PlacedController[];
  readonly #names: ReadonlySet<ControllerName>;
  /** One per hierarchy: several controllers may share one. */
  readonly #prefixes: readonly Prefix[];
  readonly #files: CgroupFiles;
  /** v2: the levels whose protection follows the soft limits below them, from the first soft limit on. */
  readonly #protectedLevels: readonly string[];
  #usesSoftLimits = false;
  readonly #realtime: RealtimeBudgets;
  #usesRealtime = false;
  readonly #cpuset: ControllerLocation | undefined;

  constructor(prefix: string, locations: ReadonlyMap<ControllerName, ControllerLocation>, files: CgroupFiles) {
    this.prefix = prefix;
    this.controllers = Object.fromEntries(Array.from(locations, ([name, { version }]) => [name, version]));
    this.#placed = Array.from(locations, ([name, { version, directory }]) => ({
      name, version, side: sideOf(name, version), directory: `${directory}/${prefix}`,
    }));
    this.#names = new Set(locations.keys());
    const directories = new Set(Array.from(locations.values(), ({ directory }) => directory));
    this.#prefixes = Array.from(directories, (directory) => {
      const inV2 = Array.from(locations).filter(([, place]) => place.directory === directory && place.version === 2);
      const cpusetV1 = locations.get('cpuset')?.version === 1 && locations.get('cpuset')?.directory === directory;
      return new Prefix(directory, prefix, inV2.map(([name]) => name), cpusetV1, files);
    });
    this.#files = files;
    const memory = locations.get('memory');
    const path = memory?.version === 2 ? `${memory.directory}/${prefix}` : undefined;
    this.#protectedLevels = this.#prefixes.find((candidate) => candidate.path === path)?.levels.toReversed() ?? [];
    const cpu = locations.get('cpu');
    const levels = this.#prefixes.find((candidate) => candidate.path === `${cpu?.directory}/${prefix}`)?.levels ?? [];
    this.#realtime = new RealtimeBudgets(cpu, levels, files);
    this.#cpuset = locations.get('cpuset');
  }

  cores(): number[] {
    if (this.#cpuset === undefined) return [];
    const { directory, version } = this.#cpuset;
    const [content] = this.#files.read([`${directory}/${version === 1 ? 'cpuset.cpus' : 'cpuset.cpus.effective'}`]);
    return parseCores(textOf(content));
  }

  create(name: string, limits: CgroupLimits = {}): Cgroup {
    checkName(name);
    checkLimits(limits, this.#names);
    if (limits.cpu?.realtimeUs !== undefined && limits.cpu.realtimeUs > 0) this.#realtime.require();
    const cgroup = this.#cgroup(name);
    const placed = this.#placedAt(name);
    const writes = placed.flatMap(({ side, directory }) =>
      side.initial(limits).map(({ file, ...rest }) => ({ write: `${directory}/${file}`, ...rest })),
    );
    const operations = [...cgroup.directories.map((make) => ({ make })), ...writes];
    this.#withPrefix(() => this.#files.apply(operations));
    try {
      for (const { side, directory } of placed) side.attach?.(directory, limits, this.#files);
      if (limits.memory?.softLimitBytes !== undefined) this.#softLimitChanged(true);
      if (limits.cpu?.realtimeUs !== undefined) this.#setRealtime(name, limits.cpu.realtimeUs);
    } catch (error) {
      this.#files.remove(cgroup.directories);
      throw error;
    }
    return cgroup;
  }

  open(name: string): Cgroup | undefined {
    checkName(name);
    const cgroup = this.#cgroup(name);
    const contents = this.#files.read(cgroup.directories.map((directory) => `${directory}/cgroup.procs`));
    // An earlier process may have given budgets, which are to be given back when their cgroups go.
    this.#usesRealtime ||= this.#realtime.inUse();
    return contents.some((content) => content !== constants.errno.ENOENT) ? cgroup : undefined;
  }

  list(): string[] {
    return [...new Set(this.#prefixes.flatMap(({ path }) => this.#files.list(path)))].sort();
  }

  async removeAll(options: { readonly timeoutMs?: number } = {}): Promise<void> {
    await Promise.all(this.list().map((name) => this.#cgroup(name).remove(options)));
    for (const prefix of this.#prefixes) prefix.remove();
  }

  /** The prefix is made when the first cgroup needs it, and goes again if that one fails. */
  #withPrefix(action: () => void): void {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof IsolatorError) || error.code !== 'ENOENT' || error.syscall !== 'mkdir') throw error;
    }
    const undo: (() => void)[] = [];
    try {
      for (const prefix of this.#prefixes) undo.unshift(prefix.make());
      action();
    } catch (error) {
      for (const step of undo) step();
      throw error;
    }
  }

  #cgroup(name: string): KernelCgroup {
    const directories = this.#prefixes.map(({ path }) => `${path}/${name}`);
    return new KernelCgroup({
      name, directories, controllers: this.#placedAt(name), files: this.#files,
      softLimitChanged: (set) => this.#softLimitChanged(set),
      setRealtime: (us) => this.#setRealtime(name, us),
      usesRealtime: () => this.#usesRealtime,
      dropRealtime: () => this.#realtime.drop(`${this.#cpuDirectory()}/${name}`),
    });
  }

  #setRealtime(name: string, us: number): void {
    if (us === 0 && !this.#usesRealtime) return;
    this.#realtime.require();
    this.#usesRealtime = true;
    this.#realtime.set(`${this.#cpuDirectory()}/${name}`, us);
  }

  #cpuDirectory(): string {
    return this.#placed.find((controller) => controller.name === 'cpu')?.directory ?? '';
  }

  /** `set`: a soft limit was given; else one may have gone, which matters only where there was one. */
  #softLimitChanged(set: boolean): void {
    this.#usesSoftLimits ||= set;
    if (this.#usesSoftLimits) coverSoftLimits(this.#protectedLevels, this.#files);
  }

  #placedAt(name: string): PlacedController[] {
    return this.#placed.map((controller) => ({ ...controller, directory: `${controller.directory}/${name}` }));
  }
}

/** The wanted ones with their places, in the order in which limits are set. */
function selectControllers(layout: CgroupLayout, wanted?: readonly ControllerName[]): Map<ControllerName, ControllerLocation> {
  const missing = (wanted ?? []).find((name) => layout.controllers[name] === undefined);
  if (missing !== undefined) throw notUsable(missing, layout);
  const names = wanted ?? defaultControllers;
  const selected = new Map<ControllerName, ControllerLocation>();
  for (const name of controllerNames) {
    const location = layout.controllers[name];
    if (location !== undefined && names.includes(name)) selected.set(name, location);
  }
  // Without any limit to set, a cgroup still finds and kills what is in it.
  const freezer = layout.controllers.freezer;
  if (wanted === undefined && selected.size === 0 && freezer !== undefined) selected.set('freezer', freezer);
  if (selected.size === 0) throw noController(layout);
  return selected;
}

function notUsable(name: ControllerName, layout: CgroupLayout): IsolatorError {
  const folded = name === 'cpuacct' && layout.controllers.cpu?.version === 2;
  const unknown = folded ? 'cgroup v2 has no such controller, CPU time comes with "cpu"' : 'there is no such controller';
  const reason = layout.unusable[name] ?? unknown;
  const usable = Object.keys(layout.controllers).join(', ') || 'none';
  return new IsolatorError(`open cgroup tree: the controller "${name}" is not usable: ${reason}; usable here: ${usable}`, {
    code: 'INVALID_SPEC', errno: 0, step: 'open cgroup tree',
  });
}

function noController({ kind, unusable }: CgroupLayout): IsolatorError {
  const reasons = Object.entries(unusable).map(([name, reason]) => `${name}: ${reason}`).join('; ');
  return new IsolatorError(`open cgroup tree: no controller to use (cgroups here: ${kind}; ${reasons || 'none was asked for'})`, {
    code: 'INVALID_SPEC', errno: 0, step: 'open cgroup tree',
  });
}
