import { statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import process from 'node:process';
import { parseResources, resources, type Ranges, type Resources } from '@proffer/sdk/model';

const MIB = 1024 * 1024;
const GIB_IN_MIB = 1024;

/** Ports that tasks get where the operator says nothing: Mesos' own range, below Linux' ephemeral ports. */
export const DEFAULT_PORTS: Ranges = [31000, 32000];

/**
 * What this machine has for tasks: all its CPUs; memory and disk less what the system itself needs (1 GiB and 5 GiB, or
 * half where that is more than half), as in Mesos. `directory` is on the disk that counts.
 */
export async function detectResources(directory: string): Promise<Resources> {
  const disk = await diskMib(directory);
  return resources({
    cpus: availableParallelism(),
    mem: allBut(GIB_IN_MIB, memoryMib()),
    disk: allBut(5 * GIB_IN_MIB, disk),
    ports: DEFAULT_PORTS,
  });
}

/** What the operator declared (`cpus:2;mem:1024;ports:[31000-31100]`), and for what is not named, what was detected. */
export function declaredResources(declared: string, detected: Resources): Resources {
  const parsed = parseResources(declared);
  const named = new Set(declared.split(';').map((part) => part.split(':')[0]!.trim()));
  return {
    cpus: named.has('cpus') ? parsed.cpus : detected.cpus,
    mem: named.has('mem') ? parsed.mem : detected.mem,
    disk: named.has('disk') ? parsed.disk : detected.disk,
    gpus: named.has('gpus') ? parsed.gpus : detected.gpus,
    ports: named.has('ports') ? parsed.ports : detected.ports,
    custom: parsed.custom,
  };
}

/** The machine's memory, or what a surrounding container leaves of it. */
function memoryMib(): number {
  const constrained = process.constrainedMemory();
  const total = totalmem();
  return Math.floor((constrained > 0 ? Math.min(constrained, total) : total) / MIB);
}

async function diskMib(directory: string): Promise<number> {
  const { blocks, bsize } = await statfs(directory);
  return Math.floor((blocks * bsize) / MIB);
}

function allBut(reserve: number, total: number): number {
  return total > 2 * reserve ? total - reserve : Math.floor(total / 2);
}
