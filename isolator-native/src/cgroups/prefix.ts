import { IsolatorError } from '../types/errors.js';
import type { ControllerName } from '../types/probe.js';
import { withoutHandingDown } from './controllers.js';
import type { CgroupFiles } from './files.js';
import { holdsOnlyOurs, moveToLeaf } from './own-cgroup.js';
import { textOf } from './parse.js';

/** Another tree may remove a shared, empty part of the path at any moment: then making it starts again. */
const MAKE_ATTEMPTS_MAX = 10;

/**
 * The directories between a hierarchy's usable cgroup and a tree's cgroups. On v2 each of them must hand its controllers
 * down, and none of them may hold processes.
 */
export class Prefix {
  readonly path: string;
  /** All directories from the first part on, outermost first. */
  readonly levels: readonly string[];
  readonly #base: string;
  readonly #controllers: readonly ControllerName[];
  readonly #cpusetV1: boolean;
  readonly #files: CgroupFiles;

  /** `controllers`: those of v2 that are to be handed down; on v1 none. `cpusetV1`: its cgroups start without a core. */
  constructor(base: string, prefix: string, controllers: readonly ControllerName[], cpusetV1: boolean, files: CgroupFiles) {
    const parts = prefix.split('/');
    this.#base = base;
    this.levels = parts.map((_, index) => [base, ...parts.slice(0, index + 1)].join('/'));
    this.path = `${base}/${prefix}`;
    this.#controllers = controllers.filter((name) => !withoutHandingDown.has(name));
    this.#cpusetV1 = cpusetV1;
    this.#files = files;
  }

  /** Makes what is missing. Returns the function that removes what was made, as far as it is empty. */
  make(): () => void {
    for (let attempt = 1; ; attempt++) {
      const made: string[] = [];
      const undo = () => void this.#files.removeEmpty(made.toReversed());
      try {
        this.#makeLevels(made);
        return undo;
      } catch (error) {
        undo();
        const gone = error instanceof IsolatorError && error.code === 'ENOENT';
        if (!gone || attempt === MAKE_ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** Removes the prefix, and the parts above it as far as nobody else has cgroups there. */
  remove(): void {
    for (const level of this.levels.toReversed()) {
      if (this.#files.removeEmpty([level]).length > 0) return;
    }
  }

  #makeLevels(made: string[]): void {
    this.#handDown(this.#base);
    for (const level of this.levels) {
      try {
        this.#files.apply([{ make: level }]);
        made.push(level);
      } catch (error) {
        if (!(error instanceof IsolatorError) || error.code !== 'EEXIST') throw error;
      }
      this.#handDown(level);
      if (this.#cpusetV1) this.#handDownCores(level);
    }
  }

  /** v1 cpuset: gets what its parent has, and lets every cgroup below begin with the same. */
  #handDownCores(level: string): void {
    const parent = level.slice(0, level.lastIndexOf('/'));
    const files = ['cpuset.cpus', 'cpuset.mems'];
    const [own] = this.#files.read([`${level}/cpuset.cpus`]);
    if (textOf(own).trim() === '') {
      const values = this.#files.read(files.map((file) => `${parent}/${file}`));
      this.#files.apply(files.map((file, index) => ({ write: `${level}/${file}`, text: textOf(values[index]).trim() })));
    }
    this.#files.apply([{ write: `${level}/cgroup.clone_children`, text: '1' }]);
  }

  #handDown(directory: string): void {
    const control = `${directory}/cgroup.subtree_control`;
    const [enabled] = this.#controllers.length === 0 ? [''] : this.#files.read([control]);
    const missing = this.#controllers.filter((name) => !textOf(enabled).trim().split(' ').includes(name));
    if (missing.length === 0) return;
    const enable = () => this.#files.apply([{ write: control, text: missing.map((name) => `+${name}`).join(' ') }]);
    try {
      enable();
    } catch (error) {
      const occupied = error instanceof IsolatorError && error.code === 'EBUSY';
      if (!occupied || directory !== this.#base || !holdsOnlyOurs(directory, this.#files)) throw error;
      moveToLeaf(directory, this.#files);
      enable();
    }
  }
}
