import type { CgroupFiles } from './files.js';
import { textOf } from './parse.js';

/**
 * v2 protects a cgroup's `memory.low` only as far as its parents are protected too. So every level of a prefix gets the
 * sum of what its children ask for: no less, or their soft limits would be void, and no more, or others would profit.
 * `levels` innermost first.
 */
export function coverSoftLimits(levels: readonly string[], files: CgroupFiles): void {
  for (const level of levels) {
    const contents = files.read(files.list(level).map((name) => `${level}/${name}/memory.low`));
    const lows = contents.map((content) => textOf(content).trim()).filter((text) => text !== '');
    const sum = lows.includes('max') ? 'max' : String(lows.reduce((total, text) => total + Number(text), 0));
    files.apply([{ write: `${level}/memory.low`, text: sum, optional: true }]);
  }
}
