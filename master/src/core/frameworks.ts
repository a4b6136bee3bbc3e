import { DEFAULT_FAILOVER_TIMEOUT_SECONDS, type FrameworkInfo } from '@proffer/sdk/model';
import type { Call, ProtocolErrorCode } from '@proffer/sdk/protocol';
import type { Cluster } from './cluster.js';
import { removeFramework } from './framework-removal.js';
import { frameworkRecord, identityOf, rolesOf, withdrawOffers } from './framework-state.js';
import { FRAMEWORKS_MAX } from './limits.js';
import { rescindOffer } from './offers.js';
import { Framework } from './state.js';
import type { FrameworkRecord, PeerId } from './types.js';
import { sendWaiting } from './updates.js';
import { foreignRole, invalidDemand, invalidFramework } from './validation.js';

interface Refusal {
  readonly code: ProtocolErrorCode;
  readonly message: string;
}

/** SUBSCRIBE: a new framework, one that comes back, or one that is taken over. The registry hears of changes first. */
export function subscribe(cluster: Cluster, peer: PeerId, principal: string, call: Call<'SUBSCRIBE'>): void {
  const fault = invalidSubscription(call);
  if (fault !== undefined) {
    cluster.refuse(peer, 'INVALID_MESSAGE', `SUBSCRIBE refused: ${fault}`);
    return;
  }
  const found = identify(cluster, peer, principal, call.frameworkInfo);
  if (!(found instanceof Framework)) {
    cluster.refuse(peer, found.code, found.message);
    return;
  }
  takeSeat(cluster, found, peer);
  const info = mergeInfo(found, call.frameworkInfo);
  rename(cluster, found, info.name);
  const news = !found.admitted || found.failoverDeadline !== undefined || JSON.stringify(info) !== JSON.stringify(found.info);
  found.info = info;
  found.failoverDeadline = undefined;
  if (!news) {
    completeSubscription(cluster, found, call);
    return;
  }
  found.subscription = call;
  cluster.persist({ type: 'saveFramework', framework: frameworkRecord(found) }, () => {
    found.admitted = true;
    cluster.changes.framework(found);
    if (found.subscription !== call || found.removing) return;
    if (found.peer === undefined) goAway(cluster, found);
    else completeSubscription(cluster, found, call);
  });
}

function invalidSubscription({ frameworkInfo, demand, suppressedRoles }: Call<'SUBSCRIBE'>): string | undefined {
  const fault = invalidFramework(frameworkInfo);
  if (fault !== undefined) return fault;
  const roles = rolesOf(frameworkInfo);
  return foreignRole('suppressedRoles', suppressedRoles, roles) ?? invalidDemand(demand ?? [], roles);
}

/** Which framework this is, made if there is none such; or why it may not subscribe. */
function identify(cluster: Cluster, peer: PeerId, principal: string, info: FrameworkInfo): Framework | Refusal {
  const byId = info.frameworkId === undefined ? undefined : cluster.frameworks.get(info.frameworkId);
  const byName = cluster.identities.get(identityOf(principal, info.name));
  const session = cluster.sessions.get(peer);
  if (session !== undefined && (!('framework' in session) || session.framework !== (byId ?? byName))) {
    return { code: 'INVALID_MESSAGE', message: 'SUBSCRIBE refused: this session belongs to another framework; open a new one' };
  }
  if (byId !== undefined) {
    if (byId.state === 'removed' || byId.removing) {
      return {
        code: 'FRAMEWORK_REMOVED',
        message: `framework "${byId.frameworkId}" was removed and cannot come back; subscribe without an id`,
      };
    }
    if (byId.principal !== principal) return nameInUse(`framework "${byId.frameworkId}" belongs to another principal`);
    if (byName !== undefined && byName !== byId) return nameInUse(`another framework has the name "${info.name}"`);
    return byId;
  }
  if (byName !== undefined) {
    if (byName.peer === undefined || byName.peer === peer) return byName;
    return nameInUse(
      `a scheduler named "${info.name}" is connected; to take over from it, present its framework id, "${byName.frameworkId}"`,
    );
  }
  return create(cluster, principal, info);
}

function nameInUse(message: string): Refusal {
  return { code: 'FRAMEWORK_NAME_IN_USE', message };
}

function create(cluster: Cluster, principal: string, info: FrameworkInfo): Framework | Refusal {
  if (cluster.frameworks.size - cluster.removedFrameworks.size >= FRAMEWORKS_MAX) {
    return {
      code: 'INVALID_MESSAGE',
      message: `SUBSCRIBE refused: ${FRAMEWORKS_MAX} frameworks are known, the most this master remembers`,
    };
  }
  const framework = new Framework(info.frameworkId ?? cluster.newFrameworkId(), principal, info, 'subscribing', cluster.now);
  cluster.frameworks.set(framework.frameworkId, framework);
  cluster.identities.set(identityOf(principal, info.name), framework);
  return framework;
}

/** The newest session takes the place of the one before, if there is one. */
function takeSeat(cluster: Cluster, framework: Framework, peer: PeerId): void {
  const before = framework.peer;
  if (before !== undefined && before !== peer) {
    cluster.refuse(before, 'FRAMEWORK_FAILED_OVER', `another scheduler took over framework "${framework.frameworkId}"`);
  }
  withdrawOffers(cluster, framework);
  cluster.allocator.setActive(framework.frameworkId, false);
  framework.deadline?.cancel();
  framework.deadline = undefined;
  framework.peer = peer;
  framework.state = 'subscribing';
  cluster.sessions.set(peer, { framework });
  cluster.changes.framework(framework);
}

/** What it says of itself now. The user stays what it was: tasks run as it. */
function mergeInfo({ frameworkId, admitted, info }: Framework, next: FrameworkInfo): FrameworkInfo {
  const { user: _user, ...rest } = next;
  const user = admitted ? info.user : next.user;
  return { ...rest, frameworkId, ...(user === undefined ? {} : { user }) };
}

function rename(cluster: Cluster, framework: Framework, name: string): void {
  cluster.identities.delete(identityOf(framework.principal, framework.info.name));
  cluster.identities.set(identityOf(framework.principal, name), framework);
}

function completeSubscription(cluster: Cluster, framework: Framework, call: Call<'SUBSCRIBE'>): void {
  const { frameworkId } = framework;
  framework.subscription = undefined;
  framework.state = 'connected';
  cluster.counters.subscriptions++;
  setRoles(cluster, framework, call.suppressedRoles ?? []);
  cluster.allocator.setDemand(frameworkId, call.offers === 'all' ? 'all' : (call.demand ?? []));
  cluster.allocator.setActive(frameworkId, true);
  const { masterId, version, heartbeatIntervalMs } = cluster.config;
  cluster.send(framework, {
    type: 'SUBSCRIBED',
    frameworkId,
    heartbeatIntervalSeconds: heartbeatIntervalMs / 1000,
    masterInfo: { masterId, version },
  });
  sendWaiting(cluster, framework);
  cluster.changes.framework(framework);
}

/** Takes the roles from the framework's info. */
function setRoles(cluster: Cluster, framework: Framework, suppressedRoles: readonly string[]): void {
  const { frameworkId } = framework;
  framework.roles = rolesOf(framework.info);
  framework.suppressedRoles.clear();
  for (const role of suppressedRoles) framework.suppressedRoles.add(role);
  cluster.allocator.setFramework(frameworkId, framework.roles);
  cluster.allocator.unsuppress(frameworkId, framework.roles.filter((role) => !framework.suppressedRoles.has(role)));
  cluster.allocator.suppress(frameworkId, suppressedRoles);
}

/** UPDATE_FRAMEWORK: what it says of itself changes while it is connected. Returns why not, or undefined. */
export function updateFramework(cluster: Cluster, framework: Framework, call: Call<'UPDATE_FRAMEWORK'>): string | undefined {
  const { frameworkInfo, suppressedRoles } = call;
  const roles = rolesOf(frameworkInfo);
  const fault = invalidFramework(frameworkInfo) ?? foreignRole('suppressedRoles', suppressedRoles, roles);
  if (fault !== undefined) return fault;
  if (frameworkInfo.frameworkId !== undefined && frameworkInfo.frameworkId !== framework.frameworkId) {
    return `frameworkInfo.frameworkId must be the framework's, "${framework.frameworkId}", got "${frameworkInfo.frameworkId}"`;
  }
  const owner = cluster.identities.get(identityOf(framework.principal, frameworkInfo.name));
  if (owner !== undefined && owner !== framework) return `frameworkInfo.name "${frameworkInfo.name}" is another framework's`;
  const info = mergeInfo(framework, frameworkInfo);
  rename(cluster, framework, info.name);
  for (const held of framework.offers) if (!roles.includes(held.grant.role)) rescindOffer(cluster, held);
  framework.info = info;
  cluster.persist({ type: 'saveFramework', framework: frameworkRecord(framework) });
  setRoles(cluster, framework, suppressedRoles ?? [...framework.suppressedRoles].filter((role) => roles.includes(role)));
  cluster.changes.framework(framework);
  return undefined;
}

/** The scheduler's link is gone: its tasks run on until the failover timeout. */
export function disconnectFramework(cluster: Cluster, framework: Framework): void {
  framework.peer = undefined;
  if (framework.state === 'connected' && !framework.removing) goAway(cluster, framework);
}

function goAway(cluster: Cluster, framework: Framework): void {
  framework.subscription = undefined;
  framework.state = 'disconnected';
  withdrawOffers(cluster, framework);
  cluster.allocator.setActive(framework.frameworkId, false);
  awaitFramework(cluster, framework, cluster.now + failoverMs(cluster, framework));
  cluster.persist({ type: 'saveFramework', framework: frameworkRecord(framework) });
}

/** A link that is merely reset has time to open again, even where the failover timeout is 0. */
function failoverMs(cluster: Cluster, { info }: Framework): number {
  const seconds = info.failoverTimeout ?? DEFAULT_FAILOVER_TIMEOUT_SECONDS;
  return Math.max(seconds * 1000, cluster.config.reconnectTimeoutMs);
}

function awaitFramework(cluster: Cluster, framework: Framework, deadline: number): void {
  framework.failoverDeadline = deadline;
  framework.deadline = cluster.deadlines.set(deadline, () => {
    framework.deadline = undefined;
    removeFramework(cluster, framework, 'its scheduler did not come back within the failover timeout');
  });
  cluster.changes.framework(framework);
}

/** A framework that the registry names when the master starts. */
export function recoverFramework(cluster: Cluster, known: FrameworkRecord): void {
  const { frameworkId, principal, info, failoverDeadline, removedAt } = known;
  const framework = new Framework(frameworkId, principal, info, removedAt === undefined ? 'recovered' : 'removed', cluster.now);
  framework.admitted = true;
  framework.roles = rolesOf(info);
  cluster.frameworks.set(frameworkId, framework);
  if (removedAt !== undefined) {
    framework.removedAt = removedAt;
    cluster.removedFrameworks.add(framework);
    return;
  }
  cluster.identities.set(identityOf(principal, info.name), framework);
  if (failoverDeadline === undefined) {
    awaitFramework(cluster, framework, cluster.now + failoverMs(cluster, framework));
    cluster.persist({ type: 'saveFramework', framework: frameworkRecord(framework) });
  } else {
    // While there was no master it could not come back.
    awaitFramework(cluster, framework, Math.max(failoverDeadline, cluster.now + cluster.config.reconnectTimeoutMs));
  }
}
