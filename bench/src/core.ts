/** The master's core alone: no network, no disk, one thread. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { CoreLoad } from './core-load.js';
import { metric, quantile } from './metric.js';
import type { Benchmark, BenchOptions, Metric } from './types.js';

interface Sizes {
  readonly agents: number;
  readonly frameworks: number;
  /** Tasks in one measured run. */
  readonly tasks: number;
  readonly runs: number;
  /** Agents of the two clusters between which the cost of an event is compared. */
  readonly small: number;
  readonly large: number;
  readonly events: number;
}

const SLOTS_PER_AGENT = 16;

/** Tasks on their way at once: at 100,000 launches a second, those of the last ten milliseconds. */
const TASKS_IN_FLIGHT = 1_000;

export const core: Benchmark = {
  name: 'core',
  description: 'launches, allocation and memory of the master core alone',
  sizes: ['agents', 'frameworks', 'tasks'],
  async run(options: BenchOptions): Promise<Metric[]> {
    const { quick, sizes, progress } = options;
    const chosen: Sizes = {
      agents: sizes['agents'] ?? (quick ? 1_000 : 10_000),
      frameworks: sizes['frameworks'] ?? (quick ? 10 : 100),
      tasks: sizes['tasks'] ?? (quick ? 10_000 : 100_000),
      runs: quick ? 2 : 5,
      small: 1_000,
      large: 100_000,
      events: quick ? 2_000 : 20_000,
    };
    progress('launches: every task has an offer and an ACCEPT of its own');
    const launches = measureLaunches(chosen);
    progress('allocation');
    const full = measureFullAllocation(chosen);
    const incremental = measureIncrementalAllocation(chosen);
    progress('memory');
    const memory = measureMemory(chosen);
    progress('cost of one event in a small and in a large cluster');
    return [
      metric('launches_per_second', '1/s', launches.perSecond, { min: 100_000 }),
      metric('launches_per_cpu_second', '1/s', launches.perCpuSecond),
      metric('allocation_full_ms', 'ms', full),
      metric('allocation_incremental_p99_ms', 'ms', incremental),
      metric('bytes_per_task', 'B', [memory.perTask]),
      metric('bytes_per_agent', 'B', [memory.perAgent]),
      metric('event_cost_us_1000_agents', 'us', measureEvents(chosen.small, chosen)),
      metric('event_cost_us_100000_agents', 'us', measureEvents(chosen.large, chosen)),
    ];
  },
};

/**
 * Waves of tasks that are offered, launched, run, end and are acknowledged; launches per second of the core's time, and
 * per second of processor time, which other work on the machine does not change.
 */
function measureLaunches({ agents, frameworks, tasks, runs }: Sizes): { perSecond: number[]; perCpuSecond: number[] } {
  const load = cluster(agents, frameworks);
  const perWave = Math.max(1, Math.floor(TASKS_IN_FLIGHT / frameworks));
  const rates = { perSecond: [] as number[], perCpuSecond: [] as number[] };
  for (let run = -1; run < runs; run++) {
    const target = load.launched + (run < 0 ? tasks / 2 : tasks);
    const { spentMs, cpuMs, launched } = load;
    while (load.launched < target) {
      let inputs = load.want(frameworks, perWave);
      while (inputs.length > 0) inputs = load.answer(load.turn(inputs), true);
    }
    if (run < 0) continue;
    rates.perSecond.push(((load.launched - launched) * 1000) / (load.spentMs - spentMs));
    rates.perCpuSecond.push(((load.launched - launched) * 1000) / (load.cpuMs - cpuMs));
  }
  return rates;
}

/** All frameworks want everything of an empty cluster: one round that gives all of it. */
function measureFullAllocation({ agents, frameworks, runs }: Sizes): number[] {
  const times: number[] = [];
  for (let run = -1; run < runs; run++) {
    const load = cluster(agents, frameworks);
    const inputs = load.want(frameworks, Math.ceil((agents * SLOTS_PER_AGENT) / frameworks));
    const before = load.spentMs;
    load.turn(inputs);
    if (run >= 0) times.push(load.spentMs - before);
  }
  return times;
}

/** A full cluster in which everybody wants more, and one task at a time ends: how long it takes to offer its place. */
function measureIncrementalAllocation({ agents, frameworks, runs, events }: Sizes): number[] {
  const load = cluster(agents, frameworks);
  const running = fill(load, agents, frameworks, 2);
  let next = 0;
  const results: number[] = [];
  for (let run = -1; run < runs; run++) {
    const times: number[] = [];
    for (let i = 0; i < events / 4; i++) {
      const { agentId, frameworkId, taskId } = running[next++]!;
      const before = load.spentMs;
      const effects = load.turn([load.finished(agentId, frameworkId, taskId)]);
      times.push(load.spentMs - before);
      settle(load, effects, running);
    }
    if (run >= 0) results.push(quantile(times, 0.99));
  }
  return results;
}

/** Microseconds for one input, where tasks end one at a time and their places are offered and filled again. */
function measureEvents(agents: number, { frameworks, runs, events }: Sizes): number[] {
  const load = cluster(agents, frameworks);
  const running = fill(load, Math.min(agents, 1_000), frameworks, 1);
  let next = 0;
  const results: number[] = [];
  for (let run = -1; run < runs; run++) {
    const before = { spentMs: load.spentMs, applied: load.applied };
    for (let i = 0; i < events / 4; i++) {
      const { agentId, frameworkId, taskId } = running[next++]!;
      settle(load, load.turn([load.finished(agentId, frameworkId, taskId)]), running);
    }
    if (run >= 0) results.push(((load.spentMs - before.spentMs) * 1000) / (load.applied - before.applied));
  }
  return results;
}

interface Running {
  readonly agentId: string;
  readonly frameworkId: string;
  readonly taskId: string;
}

function cluster(agents: number, frameworks: number): CoreLoad {
  const load = new CoreLoad();
  load.addAgents(agents);
  load.addFrameworks(frameworks);
  return load;
}

/** Fills as many agents' places, after which everybody still wants `more` times as much. */
function fill(load: CoreLoad, agents: number, frameworks: number, more: number): Running[] {
  const running: Running[] = [];
  const each = Math.ceil((agents * SLOTS_PER_AGENT) / frameworks);
  settle(load, load.turn(load.want(frameworks, each)), running);
  settle(load, load.turn(load.want(frameworks, each * more)), running);
  return running;
}

/** Lets the peers answer until they have nothing more to say; tasks that were launched run on. */
function settle(load: CoreLoad, first: ReturnType<CoreLoad['turn']>, running: Running[]): void {
  for (let effects = first; ; ) {
    for (const effect of effects) {
      if (effect.type !== 'send' || effect.message.type !== 'LAUNCH') continue;
      const { frameworkId, tasks } = effect.message;
      for (const { taskId, agentId } of tasks) running.push({ agentId, frameworkId, taskId });
    }
    const inputs = load.answer(effects, false);
    if (inputs.length === 0) return;
    effects = load.turn(inputs);
  }
}

/** Bytes of heap that an idle agent and a running task cost the core. */
function measureMemory({ agents, frameworks, tasks }: Sizes): { perAgent: number; perTask: number } {
  const load = new CoreLoad();
  load.addFrameworks(frameworks);
  const empty = heapUsed();
  load.addAgents(agents);
  const idle = heapUsed();
  const each = Math.ceil(Math.min(tasks, agents * SLOTS_PER_AGENT) / frameworks);
  const launched = load.launched;
  for (let effects = load.turn(load.want(frameworks, each)); effects.length > 0; ) {
    effects = load.turn(load.answer(effects, false));
  }
  const full = heapUsed();
  return { perAgent: (idle - empty) / agents, perTask: (full - idle) / (load.launched - launched) };
}

function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed;
}
