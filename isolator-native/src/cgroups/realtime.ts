import { constants } from 'node:os';
import { IsolatorError } from '../types/errors.js';
import type { ControllerLocation } from '../types/probe.js';
import { unsupported } from './controller.js';
import type { CgroupFiles } from './files.js';
import { single } from './parse.js';

const RUNTIME = 'cpu.rt_runtime_us';

/**
 * Real-time budgets on v1: what children have must fit into what their parent has, and a fresh parent has nothing. So the
 * levels of a prefix always carry the sum of what is below them, from the first budget on.
 */
export class RealtimeBudgets {
  readonly #location: ControllerLocation | undefined;
  /** Outermost first. */
  readonly #levels: readonly string[];
  readonly #files: CgroupFiles;

  constructor(location: ControllerLocation | undefined, levels: readonly string[], files: CgroupFiles) {
    this.#location = location;
    this.#levels = levels;
    this.#files = files;
  }

  /** Throws where this kernel has no such budgets. */
  require(): void {
    const directory = this.#location?.directory ?? 'cpu';
    if (this.#location?.version === 2) throw unsupported(directory, 'cgroup v2 has no real-time budgets');
    const [content] = this.#files.read([`${directory}/${RUNTIME}`]);
    if (typeof content !== 'string') {
      throw unsupported(directory, 'this kernel has no real-time budgets (CONFIG_RT_GROUP_SCHED is not set)');
    }
  }

  /** Whether the prefix holds a budget. */
  inUse(): boolean {
    const innermost = this.#levels.at(-1);
    return innermost !== undefined && this.#runtime(innermost) > 0;
  }

  /** The budget of a new or running cgroup, after the levels above made room for it. Throws and changes nothing where there is none left. */
  set(cgroup: string, us: number): void {
    const before = this.#runtime(cgroup);
    if (us > before) this.#raise(us - before);
    try {
      this.#write(cgroup, us);
    } finally {
      this.cover();
    }
  }

  /** Before a cgroup goes. One that is gone already has none. */
  drop(cgroup: string): void {
    if (this.#runtime(cgroup) > 0) this.set(cgroup, 0);
  }

  /** Gives back what no cgroup below has (any more). Innermost first: nowhere may a child have more than its parent. */
  cover(): void {
    for (const level of this.#levels.toReversed()) {
      const below = this.#files.list(level).map((name) => this.#runtime(`${level}/${name}`));
      const sum = below.reduce((total, us) => total + us, 0);
      if (sum < this.#runtime(level)) this.#write(level, sum);
    }
  }

  #raise(us: number): void {
    try {
      for (const level of this.#levels) this.#write(level, this.#runtime(level) + us);
    } catch (error) {
      this.cover();
      if (!(error instanceof IsolatorError) || error.code !== 'EINVAL') throw error;
      const path = `${this.#levels[0]}/${RUNTIME}`;
      throw new IsolatorError(`set real-time budget: there are not ${us} us a second left on this machine; ${error.message}`, {
        code: 'EBUSY', errno: constants.errno.EBUSY, step: 'set real-time budget', path,
      });
    }
  }

  #runtime(directory: string): number {
    const [content] = this.#files.read([`${directory}/${RUNTIME}`]);
    return single(content) ?? 0;
  }

  #write(directory: string, us: number): void {
    this.#files.apply([{ write: `${directory}/${RUNTIME}`, text: String(us) }]);
  }
}
