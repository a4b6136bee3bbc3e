import { probe } from '@proffer/isolator-native';
import { metric } from './metric.js';
import { measureAgent } from './container-start/agent.js';
import { measureMemory } from './container-start/memory.js';
import { dockerPeer } from './container-start/docker.js';
import { ociPeer } from './container-start/oci.js';
import { ours } from './container-start/ours.js';
import type { Contestant } from './container-start/types.js';
import { Workplace } from './container-start/workplace.js';
import type { Benchmark, BenchOptions, Metric } from './types.js';

/** Launches of each in one round: the slow ones get fewer, so that a round is over before the machine's load changes. */
const OURS_PER_ROUND = 40;
const PEERS_PER_ROUND = 10;

/** What one container costs: ours, crun, runc and docker in turn, then the agent around ours. */
export const containerStart: Benchmark = {
  name: 'container-start',
  description: 'what starting a container costs, beside crun, runc and docker; and one agent with many',
  sizes: ['rounds', 'containers'],
  run: measure,
};

async function measure(options: BenchOptions): Promise<Metric[]> {
  if (probe().mode !== 'namespaces') throw new Error('container-start needs root and namespaces: run it as root');
  const workplace = await Workplace.make();
  try {
    const starts = await inTurn(workplace, options);
    const agent = await measureAgent(workplace, options);
    return [...starts, ...agent, await measureMemory(workplace, options)];
  } finally {
    workplace.remove();
  }
}

/** Every contestant once in each round, so that a noisy minute is noisy for all. The first round is the warm-up. */
async function inTurn(workplace: Workplace, { quick, sizes, progress }: BenchOptions): Promise<Metric[]> {
  const candidates: Contestant[] = [
    ours(workplace),
    ociPeer(workplace, 'crun'),
    ociPeer(workplace, 'runc'),
    await dockerPeer(workplace),
  ];
  const contestants = candidates.filter(({ name, unavailable }) => {
    if (unavailable !== undefined) progress(`without ${name}: ${unavailable}`);
    return unavailable === undefined;
  });
  const samples = new Map<string, number[]>();
  const rounds = sizes['rounds'] ?? (quick ? 2 : 6);
  try {
    for (let round = 0; round <= rounds; round++) {
      progress(round === 0 ? `warm-up: ${contestants.map(({ name }) => name).join(', ')}` : `round ${round} of ${rounds}`);
      for (const contestant of contestants) {
        const measured = await contestant.run(contestant.slow === true ? PEERS_PER_ROUND : OURS_PER_ROUND);
        if (round === 0) continue;
        for (const [name, values] of Object.entries(measured)) samples.set(name, [...(samples.get(name) ?? []), ...values]);
      }
    }
  } finally {
    for (const contestant of contestants) await contestant.close?.();
  }
  return [...samples].map(([name, values]) => metric(name, 'ms', values, GOALS[name]));
}

const GOALS: Readonly<Record<string, NonNullable<Metric['goal']>>> = {
  proffer_p50_ms: { max: 1.5 },
};
