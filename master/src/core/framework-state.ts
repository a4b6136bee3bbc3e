import { DEFAULT_ROLE, type FrameworkInfo } from '@proffer/sdk/model';
import type { Cluster } from './cluster.js';
import { returnOffer } from './offers.js';
import type { Framework } from './state.js';
import type { FrameworkRecord } from './types.js';

/** What the registry keeps of the framework. */
export function frameworkRecord(framework: Framework): FrameworkRecord {
  const { frameworkId, principal, info, failoverDeadline, removedAt } = framework;
  return {
    frameworkId,
    principal,
    info,
    ...(failoverDeadline === undefined ? {} : { failoverDeadline }),
    ...(removedAt === undefined ? {} : { removedAt }),
  };
}

/** Who a framework is: its name and principal. Principals hold no line break. */
export function identityOf(principal: string, name: string): string {
  return `${principal}\n${name}`;
}

/** The roles that the framework names, each once, or the default one. */
export function rolesOf(info: FrameworkInfo): readonly string[] {
  const roles = new Set(info.roles ?? []);
  return roles.size === 0 ? [DEFAULT_ROLE] : [...roles];
}

/** Ends all the framework's offers without telling it: it is away, or knows. */
export function withdrawOffers(cluster: Cluster, framework: Framework): void {
  for (const held of framework.offers) returnOffer(cluster, held);
}
