/** What can happen to a {@link World}, driven by numbers: for tests that try everything in every order. */
import { add, isTerminal, NO_RESOURCES, type Offer, type TaskState } from '@proffer/sdk/model';
import type { TaskLaunch } from '@proffer/sdk/protocol';
import { AGENTS, SIZES, type World, type WorldAgent } from './world.test-helper.js';

/** What happens next: which of {@link STEPS}, and two numbers that choose with whom and how. */
export type Step = readonly [step: number, who: number, how: number];

const ENDINGS: readonly TaskState[] = ['TASK_FINISHED', 'TASK_FAILED', 'TASK_KILLED'];

/** What is likelier is named more than once. */
const STEPS: readonly ((world: World, who: number, how: number) => void)[] = [
  register,
  resize,
  loseAgent,
  subscribe,
  loseFramework,
  accept,
  accept,
  accept,
  acceptOld,
  decline,
  update,
  update,
  update,
  acknowledge,
  acknowledge,
  kill,
  reconcile,
  demand,
  suppress,
  wait,
  catchUp,
  catchUp,
  catchUp,
  teardown,
  markGone,
  failover,
];

/** Lets the step happen. */
export function happen(world: World, [step, who, how]: Step): void {
  STEPS[step % STEPS.length]!(world, who, how);
}

function pick<T>(list: readonly T[], number: number): T | undefined {
  return list[number % Math.max(1, list.length)];
}

/** Tasks that take about a third of the offers each; one in four asks for more than there is. */
function tasksFor(world: World, offers: readonly Offer[], how: number): TaskLaunch[] {
  const total = offers.reduce((sum, { resources }) => add(sum, resources), NO_RESOURCES);
  const { agentId, demand } = offers[0]!;
  return Array.from({ length: how % 4 }, (_, i) => {
    const greedy = (how + i) % 4 === 3 ? 100 : 1;
    const resources = { ...NO_RESOURCES, cpus: Math.ceil((total.cpus * greedy) / 3), mem: Math.floor((total.mem * greedy) / 3) };
    const name = demand[i % Math.max(1, demand.length)]?.name;
    const taskId = world.newTaskId();
    return {
      taskId,
      name: taskId,
      agentId,
      resources,
      body: new Uint8Array(),
      ...(name === undefined ? {} : { demand: name }),
      ...(how % 5 === 0 ? { executor: { executorId: `e${how % 2}`, resources: { ...NO_RESOURCES, cpus: 10 } } } : {}),
    };
  });
}

export function register(world: World, who: number): void {
  world.register(pick(world.agents, who)!);
}

function resize(world: World, who: number, how: number): void {
  const agent = pick(world.agents, who)!;
  agent.resources = { ...AGENTS[who % AGENTS.length]!, cpus: 1_000 * (how % 9) };
  world.register(agent);
}

function loseAgent(world: World, who: number, how: number): void {
  const agent = pick(world.agents, who)!;
  const { peer } = agent;
  agent.peer = undefined;
  if (peer !== undefined) world.apply({ type: 'peerClosed', peer, code: how % 2 === 0 ? 'PEER_LOST' : 'UNKNOWN_SESSION' });
}

export function subscribe(world: World, who: number, how: number): void {
  const framework = pick(world.frameworks, who)!;
  framework.peer = `${framework.name}#${framework.session++}`;
  const id = framework.frameworkId === undefined ? {} : { frameworkId: framework.frameworkId };
  world.says(framework, {
    type: 'SUBSCRIBE',
    frameworkInfo: { name: framework.name, roles: [...framework.roles], failoverTimeout: how % 100, ...id },
    ...(how % 4 === 0 ? { offers: 'all' as const } : { demand: world.demand(how) }),
  });
}

function loseFramework(world: World, who: number): void {
  const framework = pick(world.frameworks, who)!;
  const { peer } = framework;
  framework.peer = undefined;
  framework.offers.clear();
  if (peer !== undefined) world.apply({ type: 'peerClosed', peer, code: 'UNKNOWN_SESSION' });
}

function acceptOld(world: World, who: number, how: number): void {
  const framework = pick(world.frameworks, who)!;
  const offerId = pick(framework.past, how);
  if (offerId === undefined) return;
  const taskInfos = [{ taskId: world.newTaskId(), name: '', agentId: 'a0', resources: SIZES[0]!, body: new Uint8Array() }];
  framework.offers.delete(offerId);
  world.says(framework, { type: 'ACCEPT', offerIds: [offerId], operations: [{ type: 'LAUNCH', taskInfos }] });
}

function decline(world: World, who: number, how: number): void {
  const framework = pick(world.frameworks, who)!;
  const offerIds = [...framework.offers.keys()].slice(0, 1 + (how % 3));
  for (const offerId of offerIds) framework.offers.delete(offerId);
  if (offerIds.length > 0) world.says(framework, { type: 'DECLINE', offerIds, filters: { refuseSeconds: how % 20 } });
}

function kill(world: World, who: number, how: number): void {
  const framework = pick(world.frameworks, who)!;
  const taskId = pick(framework.launched, how);
  if (taskId !== undefined) world.says(framework, { type: 'KILL', taskId });
}

function reconcile(world: World, who: number, how: number): void {
  const framework = pick(world.frameworks, who)!;
  const taskId = pick(framework.launched, how);
  world.says(
    framework,
    { type: 'RECONCILE', tasks: taskId === undefined || how % 3 === 0 ? [] : [{ taskId, agentId: `a${how % 4}` }] },
  );
}

function demand(world: World, who: number, how: number): void {
  world.says(pick(world.frameworks, who)!, { type: 'DEMAND', demand: world.demand(how) });
}

function suppress(world: World, who: number, how: number): void {
  world.says(pick(world.frameworks, who)!, how % 2 === 0 ? { type: 'SUPPRESS' } : { type: 'REVIVE' });
}

function wait(world: World, _who: number, how: number): void {
  world.now += how * how;
  world.apply({ type: 'time' });
}

function teardown(world: World, who: number, how: number): void {
  if (how % 5 === 0) world.says(pick(world.frameworks, who)!, { type: 'TEARDOWN' });
}

function markGone(world: World, who: number, how: number): void {
  if (how % 20 === 0) world.apply({ type: 'operator', call: { type: 'markAgentGone', agentId: `a${who % 3}` } });
}

function failover(world: World, _who: number, how: number): void {
  if (how % 4 === 0) world.failover();
}

function catchUp(world: World): void {
  world.catchUp();
}

function accept(world: World, who: number, how: number): void {
  const framework = pick(world.frameworks, who)!;
  const first = pick([...framework.offers.values()], how);
  if (first === undefined) return;
  const offers = [...framework.offers.values()].filter(
    ({ agentId, role }) => agentId === first.agentId && role === first.role,
  ).slice(0, 2);
  for (const { offerId } of offers) framework.offers.delete(offerId);
  const taskInfos = tasksFor(world, offers, how);
  for (const { taskId } of taskInfos) framework.launched.push(taskId);
  const offerIds = offers.map(({ offerId }) => offerId);
  world.says(
    framework,
    { type: 'ACCEPT', offerIds, operations: [{ type: 'LAUNCH', taskInfos }], filters: { refuseSeconds: how % 6 } },
  );
}

export function update(world: World, who: number, how: number): void {
  const agent = pick(world.agents, who)!;
  const task = pick([...agent.tasks.values()], how);
  if (task === undefined) return;
  if (!isTerminal(task.state)) {
    task.state = task.doomed ? 'TASK_KILLED' : how % 3 === 0 ? ENDINGS[how % ENDINGS.length]! : 'TASK_RUNNING';
  }
  const { frameworkId, taskId } = task.record;
  const status = {
    taskId,
    state: task.state,
    source: 'SOURCE_AGENT' as const,
    timestamp: 0,
    uuid: `${taskId}-${task.state}`,
    agentId: agent.agentId,
  };
  if (agent.peer !== undefined) task.sent = status;
  world.says(agent, { type: 'UPDATE', frameworkId, status, latestState: task.state });
  if (isTerminal(task.state)) endIdleExecutors(world, agent);
}

/** Executors end with their last task. */
function endIdleExecutors(world: World, agent: WorldAgent): void {
  for (const [key, { frameworkId, executorId }] of agent.executors) {
    const alive = [...agent.tasks.values()].some(
      ({ record, state }) => record.frameworkId === frameworkId && record.executorId === executorId && !isTerminal(state),
    );
    if (alive) continue;
    agent.executors.delete(key);
    world.says(agent, { type: 'EXECUTOR_EXITED', frameworkId, executorId, status: 0 });
  }
}

export function acknowledge(world: World, who: number, how: number): void {
  const framework = pick(world.frameworks, who)!;
  const [next] = framework.unacknowledged.splice(how % Math.max(1, framework.unacknowledged.length), 1);
  if (next !== undefined) world.says(framework, { type: 'ACKNOWLEDGE', ...next });
}
