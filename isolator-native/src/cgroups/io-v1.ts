import type { CgroupLimits, IoDeviceUsage } from '../types/cgroups.js';
import { unsupported, writeAll } from './controller.js';
import type { ControllerSide, FileContents, FileWrite } from './controller.js';
import type { CgroupFiles } from './files.js';
import { byDevice, NO_WEIGHTS, THROTTLES } from './io.js';
import { textOf } from './parse.js';

/** Of the bfq scheduler, and of its predecessor in kernels before 5.0. */
const WEIGHTS = ['blkio.bfq.weight', 'blkio.weight'];

/** v1 `blkio`. */
export const ioV1: ControllerSide = {
  initial: throttles,
  attach: setWeight,
  update(directory, limits, files) {
    setWeight(directory, limits, files);
    writeAll(directory, throttles(limits), files);
  },
  usageFiles: ['blkio.throttle.io_service_bytes_recursive', 'blkio.throttle.io_serviced_recursive'],
  parseUsage: (contents) => ({ io: parseIoV1(contents) }),
};

function throttles({ io }: CgroupLimits): FileWrite[] {
  return (io?.throttles ?? []).flatMap((throttle) =>
    THROTTLES.flatMap(({ field, v1 }) => (throttle[field] === undefined ? [] : [{ file: v1, text: `${throttle.device} ${throttle[field]}` }])),
  );
}

function setWeight(directory: string, { io }: CgroupLimits, files: CgroupFiles): void {
  if (io?.weight === undefined) return;
  const contents = files.read(WEIGHTS.map((file) => `${directory}/${file}`));
  const file = WEIGHTS.find((_, index) => typeof contents[index] === 'string');
  if (file === undefined) throw unsupported(directory, NO_WEIGHTS);
  writeAll(directory, [{ file, text: String(io.weight) }], files);
}

/** Lines of `254:0 Read 4096`; a sum over all devices at the end. */
function parseIoV1([bytes, operations]: FileContents): IoDeviceUsage[] {
  const [byteCounts, operationCounts] = [countsByDevice(textOf(bytes)), countsByDevice(textOf(operations))];
  return [...new Set([...byteCounts.keys(), ...operationCounts.keys()])].map((device) => {
    const [ofBytes, ofOperations] = [byteCounts.get(device), operationCounts.get(device)];
    return {
      device,
      readBytes: ofBytes?.get('Read') ?? 0,
      writeBytes: ofBytes?.get('Write') ?? 0,
      readOperations: ofOperations?.get('Read') ?? 0,
      writeOperations: ofOperations?.get('Write') ?? 0,
      syncBytes: ofBytes?.get('Sync') ?? 0,
      asyncBytes: ofBytes?.get('Async') ?? 0,
      syncOperations: ofOperations?.get('Sync') ?? 0,
      asyncOperations: ofOperations?.get('Async') ?? 0,
    };
  }).sort(byDevice);
}

function countsByDevice(text: string): Map<string, Map<string, number>> {
  const devices = new Map<string, Map<string, number>>();
  for (const line of text.split('\n')) {
    const [device = '', kind = '', count] = line.split(' ');
    if (count === undefined) continue;
    const counts = devices.get(device) ?? new Map<string, number>();
    devices.set(device, counts.set(kind, Number(count)));
  }
  return devices;
}
