import type { CgroupLimits, IoDeviceUsage } from '../types/cgroups.js';
import { unsupported, writeAll } from './controller.js';
import type { ControllerSide, FileWrite } from './controller.js';
import type { CgroupFiles } from './files.js';
import { byDevice, NO_WEIGHTS, THROTTLES } from './io.js';
import { textOf } from './parse.js';

/** Of the cost model, and of the bfq scheduler: a kernel may have either or both, and each disk uses one of them. */
const WEIGHTS = ['io.weight', 'io.bfq.weight'];

/** v2 `io`. */
export const ioV2: ControllerSide = {
  initial: throttles,
  attach: setWeight,
  update(directory, limits, files) {
    setWeight(directory, limits, files);
    writeAll(directory, throttles(limits), files);
  },
  usageFiles: ['io.stat'],
  parseUsage: ([stat]) => ({ io: parseIoV2(textOf(stat)) }),
};

function throttles({ io }: CgroupLimits): FileWrite[] {
  return (io?.throttles ?? []).flatMap((throttle) => {
    const bounds = THROTTLES.flatMap(({ field, v2 }) => {
      const value = throttle[field];
      return value === undefined ? [] : [`${v2}=${value === 0 ? 'max' : value}`];
    });
    return bounds.length === 0 ? [] : [{ file: 'io.max', text: `${throttle.device} ${bounds.join(' ')}` }];
  });
}

function setWeight(directory: string, { io }: CgroupLimits, files: CgroupFiles): void {
  if (io?.weight === undefined) return;
  const contents = files.read(WEIGHTS.map((file) => `${directory}/${file}`));
  const found = WEIGHTS.filter((_, index) => typeof contents[index] === 'string');
  if (found.length === 0) throw unsupported(directory, NO_WEIGHTS);
  writeAll(directory, found.map((file) => ({ file, text: String(io.weight) })), files);
}

/** Lines of `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0`; a device without input or output may stand alone. */
function parseIoV2(text: string): IoDeviceUsage[] {
  return text.split('\n').flatMap((line) => {
    const [device = '', ...words] = line.split(' ').filter((word) => word !== '');
    const counts = new Map(words.map((word) => word.split('=') as [string, string]));
    if (device === '' || !counts.has('rbytes')) return [];
    const count = (key: string): number => Number(counts.get(key) ?? 0);
    return [{
      device,
      readBytes: count('rbytes'), writeBytes: count('wbytes'),
      readOperations: count('rios'), writeOperations: count('wios'),
    }];
  }).sort(byDevice);
}
