/** What a framework says of the offers it wants. */
import type { Call } from '@proffer/sdk/protocol';
import type { Cluster } from './cluster.js';
import type { Framework } from './state.js';
import { foreignRole, invalidDemand } from './validation.js';

/** DEMAND: replaces the framework's whole demand. Returns why not, or undefined. */
export function setDemand(cluster: Cluster, framework: Framework, { demand }: Call<'DEMAND'>): string | undefined {
  const fault = invalidDemand(demand, framework.roles);
  if (fault !== undefined) return fault;
  cluster.allocator.setDemand(framework.frameworkId, demand);
  cluster.changes.framework(framework);
  return undefined;
}

/** SUPPRESS: no offers in these roles, all of the framework's when none is named. */
export function suppressRoles(cluster: Cluster, framework: Framework, call: Call<'SUPPRESS'>): string | undefined {
  const roles = named(framework, call.roles);
  const fault = foreignRole('roles', roles, framework.roles);
  if (fault !== undefined) return fault;
  cluster.allocator.suppress(framework.frameworkId, roles);
  for (const role of roles) framework.suppressedRoles.add(role);
  cluster.changes.framework(framework);
  return undefined;
}

/** REVIVE: takes back SUPPRESS and clears filters, in these roles, all of the framework's when none is named. */
export function reviveRoles(cluster: Cluster, framework: Framework, call: Call<'REVIVE'>): string | undefined {
  const roles = named(framework, call.roles);
  const fault = foreignRole('roles', roles, framework.roles);
  if (fault !== undefined) return fault;
  cluster.allocator.unsuppress(framework.frameworkId, roles);
  cluster.allocator.clearFilters(framework.frameworkId, roles);
  for (const role of roles) framework.suppressedRoles.delete(role);
  cluster.changes.framework(framework);
  return undefined;
}

function named(framework: Framework, roles: readonly string[] | undefined): readonly string[] {
  return roles === undefined || roles.length === 0 ? framework.roles : roles;
}
