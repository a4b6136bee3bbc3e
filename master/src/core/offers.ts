import { NO_RESOURCES, type Filters, type Offer } from '@proffer/sdk/model';
import { DEFAULT_REFUSE_SECONDS } from '@proffer/sdk/model';
import type { Grant } from '../allocator/index.js';
import { addTotals } from '../allocator/share.js';
import type { Cluster } from './cluster.js';
import { OFFERS_PER_EVENT, REFUSE_SECONDS_MAX } from './limits.js';
import { HeldOffer, type Agent, type Framework } from './state.js';

const NOTHING_LAUNCHED: ReadonlyMap<string, number> = new Map();

/** Holds out what the allocator gives now. */
export function makeOffers(cluster: Cluster): void {
  if (!cluster.allocator.changed) return;
  cluster.counters.allocations++;
  const byFramework = new Map<Framework, Offer[]>();
  for (const grant of cluster.allocator.allocate(cluster.now)) {
    const framework = cluster.frameworks.get(grant.frameworkId)!;
    const { offer } = makeOffer(cluster, framework, grant);
    const offers = byFramework.get(framework);
    if (offers === undefined) byFramework.set(framework, [offer]);
    else offers.push(offer);
  }
  for (const [framework, offers] of byFramework) {
    for (let i = 0; i < offers.length; i += OFFERS_PER_EVENT) {
      const part = offers.length <= OFFERS_PER_EVENT ? offers : offers.slice(i, i + OFFERS_PER_EVENT);
      cluster.send(framework, { type: 'OFFERS', offers: part });
    }
  }
}

function makeOffer(cluster: Cluster, framework: Framework, grant: Grant): HeldOffer {
  const agent = cluster.agents.get(grant.agentId)!;
  const offer: Offer = {
    offerId: cluster.newOfferId(),
    frameworkId: framework.frameworkId,
    agentId: agent.agentId,
    hostname: agent.info.hostname,
    role: grant.role,
    resources: grant.resources,
    attributes: agent.info.attributes,
    demand: grant.demand,
  };
  const held = new HeldOffer(offer, grant, agent, framework, cluster.now, cluster.now + cluster.config.offerTimeoutMs);
  cluster.offers.set(offer.offerId, held);
  cluster.offerLine.push(held);
  agent.offers.add(held);
  framework.offers.add(held);
  addTotals(framework.offered, grant.resources, 1);
  cluster.counters.offersMade++;
  noteOffer(cluster, held);
  cluster.changes.offer(held);
  return held;
}

/** Takes the offer out of the books; what it holds is still to be settled with the allocator. */
export function dropOffer(cluster: Cluster, held: HeldOffer): void {
  cluster.offers.delete(held.offer.offerId);
  cluster.offerLine.remove(held);
  held.agent.offers.delete(held);
  held.framework.offers.delete(held);
  addTotals(held.framework.offered, held.grant.resources, -1);
  noteOffer(cluster, held);
  cluster.changes.offerRemoved(held);
}

/** Ends the offer, unused. */
export function returnOffer(cluster: Cluster, held: HeldOffer, refuseUntil?: number): void {
  dropOffer(cluster, held);
  cluster.allocator.settle([held.grant], { used: NO_RESOURCES, launched: NOTHING_LAUNCHED, refuseUntil });
}

/** Takes back the offer; the framework is told. */
export function rescindOffer(cluster: Cluster, held: HeldOffer): void {
  returnOffer(cluster, held);
  cluster.counters.offersRescinded++;
  cluster.send(held.framework, { type: 'RESCIND', offerId: held.offer.offerId });
}

export function rescindOffersOf(cluster: Cluster, holder: Agent | Framework): void {
  for (const held of holder.offers) rescindOffer(cluster, held);
}

/** Takes back what was held too long. */
export function expireOffers(cluster: Cluster): void {
  for (let held = cluster.offerLine.first; held !== undefined && held.expiresAt <= cluster.now; held = cluster.offerLine.first) {
    cluster.counters.offersTimedOut++;
    rescindOffer(cluster, held);
  }
}

/** DECLINE: unknown ids are ignored, as in Mesos. */
export function declineOffers(
  cluster: Cluster,
  framework: Framework,
  offerIds: readonly string[],
  filters: Filters | undefined,
): void {
  const until = refuseUntil(cluster, filters);
  for (const offerId of offerIds) {
    const held = cluster.offers.get(offerId);
    if (held === undefined || held.framework !== framework) continue;
    cluster.counters.offersDeclined++;
    returnOffer(cluster, held, until);
  }
}

/** When the filter ends; undefined for none. Mesos' rules: 5 s if nothing or nonsense is said, none for 0, a year at most. */
export function refuseUntil(cluster: Cluster, filters: Filters | undefined): number | undefined {
  let seconds = filters?.refuseSeconds ?? DEFAULT_REFUSE_SECONDS;
  if (!(seconds >= 0)) seconds = DEFAULT_REFUSE_SECONDS;
  return seconds === 0 ? undefined : cluster.now + Math.min(seconds, REFUSE_SECONDS_MAX) * 1000;
}

function noteOffer(cluster: Cluster, held: HeldOffer): void {
  cluster.changes.agent(held.agent);
  cluster.changes.framework(held.framework);
}
