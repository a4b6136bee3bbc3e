import type { AgentNode } from './agent-node.js';
import type { FrameworkNode } from './framework-node.js';
import { MASTER, type MasterNode } from './master-node.js';
import type { World } from './world.js';

interface Nodes {
  readonly master: MasterNode;
  readonly agents: readonly AgentNode[];
  readonly frameworks: readonly FrameworkNode[];
}

/** Breaks something, and mends it a while later. */
type Fault = (world: World, nodes: Nodes) => void;

const crashAgent: Fault = (world, { agents }) => restartLater(world, world.random.pick(agents), 60_000);
const crashFramework: Fault = (world, { frameworks }) => restartLater(world, world.random.pick(frameworks), 40_000);
const crashMaster: Fault = (world, { master }) => restartLater(world, master, 40_000);

/** What is being written may be on disk or not, and nobody was told. */
const crashMidWrite: Fault = (world, { master, agents, frameworks }) => {
  const node = world.random.pick([master, ...agents, ...agents, ...frameworks]);
  node.disk.onNextWrite = () => world.clock.after(world.random.between(0, 10), () => restartLater(world, node, 30_000));
};

const losePower: Fault = (world, { agents }) => {
  const agent = world.random.pick(agents);
  agent.losePower();
  world.clock.after(world.random.between(1000, 60_000), () => agent.start());
};

const cutLink: Fault = (world, { agents, frameworks }) => {
  const { name } = world.random.pick([...agents, ...frameworks]);
  world.tell(`${name} is cut off`);
  world.network.cut(name, MASTER);
  world.clock.after(world.random.between(100, 60_000), () => {
    world.tell(`${name} is reached again`);
    world.network.heal(name, MASTER);
  });
};

const killTask: Fault = (world, { frameworks }) => {
  const framework = world.random.pick(frameworks);
  const tasks = framework.unfinished;
  if (tasks.length > 0) framework.kill(world.random.pick(tasks).taskId);
};

/** As often as they stand here. */
const FAULTS: readonly Fault[] = [
  ...[crashAgent, crashAgent, crashFramework, crashFramework, crashMaster, crashMidWrite, crashMidWrite, crashMidWrite],
  ...[losePower, cutLink, cutLink, killTask, killTask, killTask],
];

/** Lets one thing after the other go wrong until `end`. */
export function scheduleFaults(world: World, nodes: Nodes, end: number): void {
  const pace = world.random.pick([2_000, 8_000, 20_000]);
  const next = (): void => {
    if (world.clock.now() >= end) return;
    world.random.pick(FAULTS)(world, nodes);
    world.clock.after(world.random.between(100, pace), next);
  };
  world.clock.after(world.random.between(1000, pace), next);
}

function restartLater(world: World, node: { crash(): void; start(): void }, msMax: number): void {
  node.crash();
  world.clock.after(world.random.between(50, msMax), () => node.start());
}
