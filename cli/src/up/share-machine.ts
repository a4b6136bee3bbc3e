import { countRanges, eachInRanges, formatResources, multiplyScalars, normalizeRanges, SCALAR_UNIT, type Ranges, type Resources } from '@proffer/sdk/model';

/** Parts are whole MiB and hundredths of a CPU: figures that people can read. */
const CPUS_STEP = SCALAR_UNIT / 100;

/** An equal part of a machine for each of several agents, so that together they offer it once. */
export function shareMachine(machine: Resources, agents: number): Resources[] {
  const ports = sharePorts(machine.ports, agents);
  const scalars = multiplyScalars(machine, 1 / agents);
  const part = { cpus: floor(scalars.cpus, CPUS_STEP), mem: floor(scalars.mem, SCALAR_UNIT), disk: floor(scalars.disk, SCALAR_UNIT), gpus: 0 };
  return ports.map((own) => ({ ...part, ports: own, custom: [] }));
}

/** As `--resources` takes it. */
export function resourcesFlag(resources: Resources): string {
  return formatResources(resources);
}

function floor(value: number, step: number): number {
  return Math.floor(value / step) * step;
}

function sharePorts(ranges: Ranges, parts: number): Ranges[] {
  const each = Math.floor(countRanges(ranges) / parts);
  const all = [...eachInRanges(ranges)];
  return Array.from({ length: parts }, (_, i) => normalizeRanges(all.slice(i * each, (i + 1) * each).flatMap((port) => [port, port])));
}
