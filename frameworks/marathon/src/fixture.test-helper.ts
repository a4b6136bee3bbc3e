import type { ExecutionContext } from 'ava';
import { createCluster, type AgentOptions, type TestCluster } from '@proffer/master/testing';
import { createLogger, MemoryStore } from '@proffer/sdk/service';
import { startMarathon, type RunningMarathon } from './main.js';

/** An answer of the API. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers of every form
  readonly body: any;
}

/** The framework on a cluster in memory, its API over real HTTP on loopback. */
export class Fixture {
  readonly cluster: TestCluster;
  store = new MemoryStore();
  /** What the framework could not go on after. */
  readonly fatal: unknown[] = [];
  #running: RunningMarathon | undefined;

  private constructor(cluster: TestCluster) {
    this.cluster = cluster;
  }

  static async start(
    t: ExecutionContext,
    agents: readonly AgentOptions[] = [{ resources: 'cpus:4;mem:4096;ports:[31000-31099]' }],
  ): Promise<Fixture> {
    const fixture = new Fixture(createCluster({ agents }));
    t.teardown(() => fixture.#running?.close());
    await fixture.startFramework();
    return fixture;
  }

  async startFramework(): Promise<void> {
    this.#running = await startMarathon({
      master: this.cluster.connect,
      http: { host: '127.0.0.1', port: 0 },
      workDir: '',
      log: createLogger({ name: 'marathon', level: 'silent' }),
      version: '1.0.0',
      clock: this.cluster.clock,
      store: this.store,
      onFatal: (error) => void this.fatal.push(error),
    });
    await this.cluster.settle();
  }

  /** The framework's process dies: what was not synced is lost, and the next one starts from what was. */
  async crashFramework(): Promise<void> {
    const after = this.store.crash();
    await this.#running?.close().catch(() => undefined);
    this.store = after;
  }

  get address(): string {
    return this.#running!.address;
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(this.address + path, {
      method,
      ...(body === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    await this.cluster.settle();
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }

  /** The tasks that run on the agents, by id. */
  running(): string[] {
    return this.cluster.agents
      .flatMap(({ tasks }) => tasks)
      .filter((task) => !task.ended)
      .map(({ taskId }) => taskId)
      .sort();
  }

  setHealthy(taskId: string, healthy: boolean): void {
    this.cluster.agentOf(taskId).setHealthy(taskId, healthy);
  }
}
