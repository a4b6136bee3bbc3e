import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { isTerminal, resources, type TaskStatus } from '@proffer/sdk/model';
import { toTaskLaunch, type AgentToMaster, type FromAgent, type MasterToAgent } from '@proffer/sdk/protocol';
import { zmqAcceptor, type ZmqAcceptor } from '@proffer/sdk/transport';
import type { TorturedTask } from './torture-tasks.test-helper.js';

const helper = fileURLToPath(new URL('agent-process.test-helper.js', import.meta.url));

/** What the master knows of one task. */
class Record {
  readonly task: TorturedTask;
  /** Terminal statuses by uuid: one that comes again with its uuid is a retransmission, not a second end. */
  readonly ends = new Map<string, TaskStatus>();
  wasRunning = false;
  killed = false;
  /** When its LAUNCH was sent last: one that was lost with the agent is sent again. */
  launches = 0;

  constructor(task: TorturedTask) {
    this.task = task;
  }
}

/** A master that launches, kills, acknowledges, and reconciles with each agent process that comes after a killed one. */
export class TortureMaster {
  readonly records = new Map<string, Record>();
  /** What went wrong, one sentence each. */
  readonly faults: string[] = [];
  ended = 0;
  agentStarts = 0;
  log = '';
  readonly #workDir: string;
  #link: ZmqAcceptor<MasterToAgent> | undefined;
  #peer: string | undefined;
  #agentId = '';
  #child: ChildProcess | undefined;
  #onRegistered: () => void = () => undefined;
  #onEnd: () => void = () => undefined;

  constructor(workDir: string) {
    this.#workDir = workDir;
  }

  get agentPid(): number {
    return this.#child!.pid!;
  }

  async open(): Promise<void> {
    this.#link = await zmqAcceptor<'agent'>({ bind: 'tcp://127.0.0.1:*', kinds: ['agent'] }, {
      onMessages: (peer, messages) => messages.forEach((message) => this.#hear(peer, message)),
      onClosed: (peer) => {
        if (peer === this.#peer) this.#peer = undefined;
      },
    });
  }

  /** Starts an agent process and waits until it has registered. */
  async startAgent(): Promise<void> {
    const options = {
      workDir: this.#workDir, master: this.#link!.endpoint, version: 'test', httpPort: 0, resources: 'cpus:64;mem:65536;disk:65536',
    };
    const registered = new Promise<void>((resolve) => (this.#onRegistered = resolve));
    this.#child = spawn(process.execPath, [helper, JSON.stringify(options)], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#child.stderr!.on('data', (chunk) => (this.log = `${this.log}${chunk}`.slice(-4000)));
    this.agentStarts++;
    const ended = once(this.#child, 'exit').then(([code, signal]) => `the agent ended before it registered (${code ?? signal}):\n${this.log}`);
    const early = await Promise.race([registered, ended]);
    if (typeof early === 'string') throw new Error(early);
  }

  /** Ends the agent process by a signal; its exit code. */
  async endAgent(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child!;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    child.kill(signal);
    await once(child, 'exit');
    return child.exitCode;
  }

  launch(task: TorturedTask): void {
    const record = new Record(task);
    this.records.set(task.taskId, record);
    this.#launch(record);
  }

  /** Resolves at the next end of a task. */
  nextEnd(): Promise<void> {
    return new Promise((resolve) => (this.#onEnd = resolve));
  }

  async close(): Promise<void> {
    await this.endAgent('SIGKILL');
    await this.#link?.close();
  }

  #launch(record: Record): void {
    record.launches++;
    const { taskId, script } = record.task;
    const command = { shell: true, value: script } as const;
    const task = { taskId, name: taskId, agentId: this.#agentId, command, resources: resources({ cpus: 0.5, mem: 32 }) };
    this.#say({ type: 'LAUNCH', frameworkId: 'f', role: '*', tasks: [toTaskLaunch({ ...task, killPolicy: { gracePeriodSeconds: 0.5 } })] });
  }

  #kill(record: Record): void {
    record.killed = true;
    if (record.ends.size === 0) this.#say({ type: 'KILL', frameworkId: 'f', taskId: record.task.taskId });
  }

  #say(message: MasterToAgent): void {
    if (this.#peer !== undefined) this.#link?.send(this.#peer, message);
  }

  #hear(peer: string, message: AgentToMaster): void {
    if (message.type === 'REGISTER_AGENT') this.#register(peer, message);
    if (message.type === 'UPDATE') this.#update(message);
  }

  /** What was on its way when the agent was killed is lost: it is said again, as a scheduler does that reconciles. */
  #register(peer: string, { agentId, tasks }: FromAgent<'REGISTER_AGENT'>): void {
    if (this.#agentId !== '' && this.#agentId !== agentId) this.faults.push(`the agent came back as another: ${agentId}`);
    this.#peer = peer;
    this.#agentId = agentId;
    this.#say({ type: 'AGENT_REGISTERED', agentId, removedFrameworks: [] });
    const known = new Set(tasks.map(({ taskId }) => taskId));
    for (const record of this.records.values()) {
      if (record.ends.size > 0) continue;
      if (!known.has(record.task.taskId)) this.#relaunch(record);
      else if (record.killed) this.#kill(record);
    }
    this.#onRegistered();
  }

  #relaunch(record: Record): void {
    if (record.wasRunning) this.faults.push(`${record.task.taskId} ran, and the agent does not know it any more`);
    this.#launch(record);
  }

  #update({ frameworkId, status }: FromAgent<'UPDATE'>): void {
    const { taskId, uuid, state } = status;
    this.#say({ type: 'ACKNOWLEDGE', frameworkId, taskId, uuid: uuid! });
    const record = this.records.get(taskId);
    if (record === undefined) return void this.faults.push(`an update of a task that nobody launched: ${taskId}`);
    if (state === 'TASK_RUNNING' && !record.wasRunning) this.#running(record);
    if (isTerminal(state) && !record.ends.has(uuid!)) this.#end(record, status);
  }

  #running(record: Record): void {
    record.wasRunning = true;
    if (record.task.killAfterMs !== undefined) setTimeout(() => this.#kill(record), record.task.killAfterMs);
  }

  #end(record: Record, status: TaskStatus): void {
    record.ends.set(status.uuid!, status);
    if (record.ends.size > 1) this.faults.push(`${status.taskId} ended ${record.ends.size} times: ${status.state}`);
    const fault = neverRan(status, record) ? undefined : record.task.fault(status);
    if (fault !== undefined) this.faults.push(`${status.taskId} (${record.task.script}): ${fault}`);
    this.ended++;
    this.#onEnd();
  }
}

/** An agent that is killed between "it is on disk" and "it is started" drops the task, which then must not have run. */
export function neverRan(status: TaskStatus, record: { readonly wasRunning: boolean }): boolean {
  return status.state === 'TASK_DROPPED' && status.reason === 'REASON_AGENT_RESTARTED' && !record.wasRunning;
}
