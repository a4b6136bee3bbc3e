import type { CgroupLimits } from '../types/cgroups.js';
import { invalid, unsupported, writeAll } from './controller.js';
import type { ControllerSide } from './controller.js';
import type { CgroupFiles } from './files.js';

const SIZE = /^\d{1,4}(KB|MB|GB)$/;

/** Throws what is wrong with `limits.hugetlb`. */
export function checkHugetlb({ hugetlb }: CgroupLimits): void {
  hugetlb?.forEach(({ size, limitBytes }, index) => {
    if (!SIZE.test(size)) throw invalid(`hugetlb[${index}].size`, 'a size such as 2MB or 1GB', size);
    if (!Number.isSafeInteger(limitBytes) || limitBytes < 0) {
      throw invalid(`hugetlb[${index}].limitBytes`, 'a whole number of bytes', limitBytes);
    }
  });
}

/** v1 and v2 `hugetlb`: one file per page size of this machine. */
export const hugetlbV1: ControllerSide = side('limit_in_bytes');
export const hugetlbV2: ControllerSide = side('max');

function side(file: string): ControllerSide {
  const set = (directory: string, { hugetlb = [] }: CgroupLimits, files: CgroupFiles): void => {
    for (const { size, limitBytes } of hugetlb) {
      const name = `hugetlb.${size}.${file}`;
      const [content] = files.read([`${directory}/${name}`]);
      if (typeof content !== 'string') throw unsupported(directory, `this machine has no huge pages of ${size}`);
      writeAll(directory, [{ file: name, text: String(limitBytes) }], files);
    }
  };
  return { initial: () => [], attach: set, update: set, usageFiles: [], parseUsage: () => ({}) };
}
