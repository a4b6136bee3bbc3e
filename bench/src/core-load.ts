import { parseResources, type TaskState } from '@proffer/sdk/model';
import type { FromAgent, MasterToAgent, SchedulerCall, SchedulerEvent, TaskLaunch } from '@proffer/sdk/protocol';
import { DEFAULT_CORE_CONFIG, EMPTY_REGISTRY, MasterCore, type Effect, type Input } from '@proffer/master/core';

/** 16 tasks of 1 cpu fit on an agent. */
const AGENT = 'cpus:16;mem:65536;disk:100000;ports:[31000-32000]';
const TASK = parseResources('cpus:1;mem:1024');
const BODY = new Uint8Array(200);

/** A master core between agents and frameworks that answer at once; only the core's own time is counted. */
export class CoreLoad {
  readonly core = new MasterCore({ ...DEFAULT_CORE_CONFIG, masterId: 'm', version: 'bench' }, EMPTY_REGISTRY, 0);
  /** Milliseconds that the core worked. */
  spentMs = 0;
  /** Milliseconds of processor time meanwhile, those of the garbage collector's threads among them. */
  cpuMs = 0;
  applied = 0;
  launched = 0;
  #now = 0;
  #sequence = 0;
  #tasks = 0;

  /** The agents register, in one turn. */
  addAgents(count: number): void {
    const inputs: Input[] = [];
    for (let i = 0; i < count; i++) {
      const agentInfo = {
        hostname: `host-${i}.example.org`,
        httpAddress: `host-${i}.example.org:5051`,
        resources: parseResources(AGENT),
        attributes: [],
        version: '0',
      };
      inputs.push(message(`agent-${i}`, { type: 'REGISTER_AGENT', agentId: `agent-${i}`, agentInfo, tasks: [], executors: [] }));
    }
    this.turn(inputs);
  }

  /** The frameworks subscribe, each in a role of its own, without demand. */
  addFrameworks(count: number): void {
    const inputs: Input[] = [];
    for (let i = 0; i < count; i++) {
      inputs.push(
        message(`framework-${i}`, { type: 'SUBSCRIBE', frameworkInfo: { name: `framework-${i}`, roles: [`role-${i}`] } }),
      );
    }
    this.turn(inputs);
  }

  /** Every framework wants so many tasks. */
  want(frameworks: number, count: number): Input[] {
    return Array.from({ length: frameworks }, (_, i) =>
      message(`framework-${i}`, { type: 'DEMAND', demand: [{ name: 'tasks', resources: { ...TASK }, count }] }),
    );
  }

  /** Applies the inputs, and what they make due at once; returns what the core wants sent. */
  turn(inputs: readonly Input[]): Effect[] {
    this.#now += 1;
    const effects: Effect[] = [];
    const began = performance.now();
    const cpu = process.cpuUsage();
    for (const input of inputs) for (const effect of this.core.apply(input, this.#now)) effects.push(effect);
    let due = effects.some(({ type }) => type === 'wake');
    const written = effects.findLast((effect) => effect.type === 'persist');
    if (written !== undefined) {
      this.#sequence = written.sequence;
      for (const effect of this.core.apply({ type: 'durable', sequence: this.#sequence }, this.#now)) effects.push(effect);
      due = true;
    }
    if (due) for (const effect of this.core.apply({ type: 'time' }, this.#now)) effects.push(effect);
    this.spentMs += performance.now() - began;
    const { user, system } = process.cpuUsage(cpu);
    this.cpuMs += (user + system) / 1000;
    this.applied += inputs.length + (due ? 1 : 0);
    return effects;
  }

  /** What the peers answer: offers are accepted, launches reported as running, running as finished, updates acknowledged. */
  answer(effects: readonly Effect[], finish: boolean): Input[] {
    const inputs: Input[] = [];
    for (const effect of effects) {
      if (effect.type !== 'send') continue;
      if (effect.peer.startsWith('framework')) this.#fromFramework(effect.peer, effect.message as SchedulerEvent, inputs);
      else this.#fromAgent(effect.peer, effect.message as MasterToAgent, inputs, finish);
    }
    return inputs;
  }

  /** One task ends. */
  finished(agentId: string, frameworkId: string, taskId: string): Input {
    return update(agentId, frameworkId, taskId, 'TASK_FINISHED');
  }

  #fromFramework(peer: string, event: SchedulerEvent, inputs: Input[]): void {
    if (event.type === 'OFFERS') {
      for (const { offerId, agentId, demand } of event.offers) {
        const taskInfos: TaskLaunch[] = [];
        for (let i = 0; i < demand[0]!.count; i++) {
          const taskId = `task-${this.#tasks++}`;
          taskInfos.push({ taskId, name: 'task', agentId, resources: { ...TASK }, demand: 'tasks', body: BODY });
        }
        inputs.push(message(peer, { type: 'ACCEPT', offerIds: [offerId], operations: [{ type: 'LAUNCH', taskInfos }] }));
      }
    } else if (event.type === 'UPDATE') {
      const { agentId, taskId, uuid } = event.status;
      inputs.push(message(peer, { type: 'ACKNOWLEDGE', agentId: agentId!, taskId, uuid: uuid! }));
    }
  }

  #fromAgent(peer: string, event: MasterToAgent, inputs: Input[], finish: boolean): void {
    if (event.type === 'LAUNCH') {
      this.launched += event.tasks.length;
      for (const { taskId } of event.tasks) inputs.push(update(peer, event.frameworkId, taskId, 'TASK_RUNNING'));
    } else if (event.type === 'ACKNOWLEDGE' && finish && event.uuid.endsWith('RUNNING')) {
      inputs.push(this.finished(peer, event.frameworkId, event.taskId));
    }
  }
}

export function message(peer: string, said: SchedulerCall | FromAgent<'REGISTER_AGENT' | 'UPDATE'>): Input {
  return { type: 'message', peer, principal: 'anonymous', message: said };
}

function update(agentId: string, frameworkId: string, taskId: string, state: TaskState): Input {
  const status = { taskId, state, source: 'SOURCE_AGENT' as const, timestamp: 0, uuid: `${taskId}-${state}`, agentId };
  return message(agentId, { type: 'UPDATE', frameworkId, status, latestState: state });
}
