import { AgentNode } from './agent-node.js';
import { Checkers } from './checkers.js';
import { scheduleFaults } from './faults.js';
import { FrameworkNode } from './framework-node.js';
import type { Truth } from './machine.js';
import { MasterNode } from './master-node.js';
import { World } from './world.js';

const STORM_MS = 180_000;
/** Longer than every time-out and back-off of a run. */
const REST_MS = 240_000;

export interface SimulationResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly steps: number;
  readonly launches: number;
}

/**
 * One whole cluster, from its start through a storm of faults to rest and to its end, under a virtual clock. The same
 * seed gives the same run. Stops at the first step that breaks a promise.
 */
export function simulate(seed: number, trace?: (line: string) => void): SimulationResult {
  const world = new World(seed, trace);
  const truths = new Map<string, Truth>();
  const master = new MasterNode(world);
  const agents = Array.from({ length: world.random.between(1, 5) }, (_, i) => new AgentNode(world, `agent${i + 1}`, truths));
  const frameworks = Array.from(
    { length: world.random.between(1, 3) },
    (_, i) => new FrameworkNode(world, `framework${i + 1}`, world.random.pick(['web', 'batch']), world.random.between(1, 12)),
  );
  const checkers = new Checkers(world, master, agents, frameworks, truths);
  const nodes = [master, ...agents, ...frameworks];
  let steps = 0;

  const runFor = (ms: number): void => {
    const end = world.clock.now() + ms;
    while (world.violations.length === 0 && (world.clock.next() ?? Infinity) <= end) {
      world.clock.step();
      checkers.step();
      steps++;
    }
    if (world.violations.length === 0) world.clock.advanceTo(end);
  };
  const phase = (name: string, ms: number, check: () => void): void => {
    if (world.violations.length > 0) return;
    world.tell(`-- ${name}`);
    runFor(ms);
    if (world.violations.length === 0) check();
  };

  for (const node of nodes) world.clock.after(world.random.between(0, 3000), () => node.start());
  scheduleFaults(world, { master, agents, frameworks }, world.clock.now() + STORM_MS);
  phase('storm', STORM_MS, () => {});
  world.calm = true;
  world.network.healAll();
  for (const node of nodes) node.start();
  phase('rest', REST_MS, () => {});
  for (const framework of frameworks) framework.target = 0;
  phase('last tasks settle', REST_MS / 4, () => checkers.rest());
  for (const framework of frameworks) framework.draining = true;
  phase('end', REST_MS, () => checkers.empty());
  return { seed, violations: world.violations, steps, launches: truths.size };
}
