import { NO_RESOURCES, type Resources } from '@proffer/sdk/model';

/** Scalars that are added to and taken from in place: what a client holds, what the cluster has. In thousandths. */
export interface Totals {
  cpus: number;
  mem: number;
  disk: number;
  gpus: number;
}

export function noTotals(): Totals {
  return { cpus: 0, mem: 0, disk: 0, gpus: 0 };
}

/** Adds `times` times the resources; -1 takes them away. */
export function addTotals(totals: Totals, r: Resources, times: number): void {
  totals.cpus += r.cpus * times;
  totals.mem += r.mem * times;
  totals.disk += r.disk * times;
  totals.gpus += r.gpus * times;
}

/**
 * The dominant share: the largest fraction of the cluster that is held of any one resource (Ghodsi et al., Dominant
 * Resource Fairness, NSDI 2011). Resources of which the cluster has none do not count.
 */
export function dominantShare(held: Totals, cluster: Totals): number {
  let share = 0;
  if (cluster.cpus > 0) share = held.cpus / cluster.cpus;
  if (cluster.mem > 0) share = Math.max(share, held.mem / cluster.mem);
  if (cluster.disk > 0) share = Math.max(share, held.disk / cluster.disk);
  if (cluster.gpus > 0) share = Math.max(share, held.gpus / cluster.gpus);
  return share;
}

/** The totals as resources: nothing but scalars. */
export function resourcesOf({ cpus, mem, disk, gpus }: Totals): Resources {
  return { ...NO_RESOURCES, cpus, mem, disk, gpus };
}
