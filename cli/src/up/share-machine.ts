import { countRanges, eachInRanges, formatResources, multiplyScalars, normalizeRanges, type Ranges, type Resources } from '@proffer/sdk/model';

/** An equal part of a machine for each of several agents, so that together they offer it once. */
export function shareMachine(machine: Resources, agents: number): Resources[] {
  const ports = sharePorts(machine.ports, agents);
  const scalars = multiplyScalars(machine, 1 / agents);
  const part = { cpus: Math.floor(scalars.cpus), mem: Math.floor(scalars.mem), disk: Math.floor(scalars.disk), gpus: 0 };
  return ports.map((own) => ({ ...part, ports: own, custom: [] }));
}

/** As `--resources` takes it. */
export function resourcesFlag(resources: Resources): string {
  return formatResources(resources);
}

function sharePorts(ranges: Ranges, parts: number): Ranges[] {
  const each = Math.floor(countRanges(ranges) / parts);
  const all = [...eachInRanges(ranges)];
  return Array.from({ length: parts }, (_, i) => normalizeRanges(all.slice(i * each, (i + 1) * each).flatMap((port) => [port, port])));
}
