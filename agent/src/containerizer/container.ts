import type { Container, ExitStatus, LaunchSpec } from '@proffer/isolator-native';
import { SCALAR_UNIT, type CommandInfo, type ResourceLimits, type Resources } from '@proffer/sdk/model';
import type { Limitation } from '../isolators/index.js';
import { giveContents, handOver, makeSandbox, noteInSandbox, type SandboxOwner } from '../sandbox/sandbox.js';
import { execOutcome, execSpec } from './exec.js';
import { containerExit } from './exit.js';
import { hostUser } from './host-user.js';
import { Isolation } from './isolation.js';
import { launchSpec } from './launch-spec.js';
import { advance, failedStep, isAlive, type LifeState } from './life.js';
import type { Machine } from './machine.js';
import type { Verdict } from './runtime-directory.js';
import { sentence } from './sentence.js';
import type { ContainerFailure, ContainerSpec, ContainerUsage } from './types.js';

const MIB = 1024 * 1024;

/**
 * One container's life (`life.ts` has the states). One asynchronous function at a time drives it: `start` or `recover`, then
 * `#finish`. The other methods act on a running task, or leave a wish that the driving function finds.
 */
export class ContainerLife {
  readonly spec: ContainerSpec;
  readonly #machine: Machine;
  readonly #isolation: Isolation;
  readonly #abort = new AbortController();
  #state: LifeState;
  #madeRuntimeDir = false;
  #madeSandbox = false;
  #container: Container | undefined;
  #limitation: Limitation | undefined;

  constructor(spec: ContainerSpec, machine: Machine, origin: 'new' | 'recovered') {
    this.spec = spec;
    this.#machine = machine;
    this.#isolation = new Isolation(spec, machine);
    this.#state = origin === 'new' ? 'PREPARING' : 'RECOVERING';
  }

  /** Every step is undone where one fails or destroy comes in between. Never rejects. */
  async start(): Promise<void> {
    let container: Container;
    try {
      await this.#prepare();
      await this.#fetch();
      this.#to('ISOLATING');
      await this.#isolation.provide();
      this.#abort.signal.throwIfAborted();
      this.#isolation.isolate();
      container = await this.#launch();
    } catch (error) {
      return this.#fail(error);
    }
    this.#run(container);
  }

  /** Takes over what an earlier agent process left of this container. Never rejects. */
  async recover(): Promise<void> {
    const { directories, native } = this.#machine;
    const id = this.spec.containerId;
    this.#madeRuntimeDir = directories.exists(id);
    this.#isolation.recover();
    const verdict = directories.readVerdict(id);
    try {
      const { cgroup } = this.#isolation;
      if (directories.wasLaunched(id)) {
        this.#container = await native.recover(directories.path(id), cgroup === undefined ? {} : { cgroup });
      }
    } catch (error) {
      if (verdict === undefined) return this.#finish({ kind: 'lost', reason: sentence(error) });
    }
    if (verdict !== undefined) return this.#tell(verdict);
    if (this.#container?.status !== undefined) return this.#finish(this.#container.status);
    if (this.#container !== undefined) return this.#run(this.#container);
    if (!this.#madeRuntimeDir && !directories.sameBoot) return this.#finish({ kind: 'lost', reason: 'the machine restarted' });
    return this.#fail(new Error('the agent ended before it was started'));
  }

  /** Ends everything at once; before there is anything to kill, what is under way is given up. */
  destroy(): void {
    if (isAlive(this.#state)) this.#kill();
    else this.#abort.abort(new Error('it was destroyed'));
  }

  signal(signal: NodeJS.Signals): void {
    if (isAlive(this.#state)) this.#container?.kill(signal);
  }

  update(resources: Resources, limits: ResourceLimits | undefined): void {
    this.#isolation.set(resources, limits);
    if (isAlive(this.#state)) this.#isolation.apply();
  }

  usage(): ContainerUsage | undefined {
    return isAlive(this.#state) ? this.#isolation.usage() : undefined;
  }

  /** Undefined for one that is in the agent's own network. */
  get ipAddresses(): readonly string[] | undefined {
    return this.#isolation.preparation.ipAddresses;
  }

  async exec(command: CommandInfo, timeoutMs: number): Promise<{ code: number } | { error: string }> {
    const container = this.#container;
    if (!isAlive(this.#state) || container === undefined) return { error: `container ${this.spec.containerId} does not run` };
    try {
      const result = await this.#machine.native.execIn(container, execSpec(this.#launchSpec(), command, timeoutMs));
      return execOutcome(result, timeoutMs);
    } catch (error) {
      return { error: sentence(error) };
    }
  }

  /** Stops watching; what runs goes on, what is only being started is undone without a word. */
  release(): void {
    if (!isAlive(this.#state)) return this.#abort.abort(new Error('the agent ended before it was started'));
    this.#isolation.unwatch();
    this.#container?.release();
  }

  async #prepare(): Promise<void> {
    // Nothing is told from inside the call that asked for it.
    await Promise.resolve();
    this.#abort.signal.throwIfAborted();
    this.#isolation.prepare();
    this.#machine.directories.make(this.spec.containerId);
    this.#madeRuntimeDir = true;
    makeSandbox(this.spec.sandbox);
    this.#madeSandbox = true;
  }

  async #fetch(): Promise<void> {
    this.#to('FETCHING');
    const { command: { uris = [] }, resources: { disk } } = this.spec;
    const user = hostUser(this.#isolation.preparation);
    if (uris.length > 0 && user !== undefined) {
      await this.#machine.fetcher.fetch({
        uris,
        directory: this.spec.sandbox,
        user,
        signal: this.#abort.signal,
        onProgress: (message) => this.#progress(message),
        ...(disk > 0 ? { maxBytes: Math.floor((disk * MIB) / SCALAR_UNIT) } : {}),
      });
      const owner = this.#owner();
      if (owner !== undefined) await giveContents(this.spec.sandbox, owner);
      this.#abort.signal.throwIfAborted();
    }
    handOver(this.spec.sandbox, this.#owner());
  }

  /** A download that others wait for too may go on when this container is over. */
  #progress(message: string): void {
    if (this.#state === 'FETCHING') this.#machine.handlers.onProgress(this.spec.containerId, message);
  }

  async #launch(): Promise<Container> {
    this.#to('LAUNCHING');
    this.#container = await this.#machine.native.launch(this.#launchSpec());
    this.#abort.signal.throwIfAborted();
    return this.#container;
  }

  #run(container: Container): void {
    this.#to('RUNNING');
    this.#machine.handlers.onStarted(this.spec.containerId, container.initPid, this.ipAddresses);
    void container.exited.then((status) => this.#finish(status));
    this.#isolation.watch((limitation) => this.#limit(limitation), container.initPid);
    // Wishes that came while it was started or recovered.
    if (this.#isolation.isChanged) this.#isolation.apply();
    if (this.#abort.signal.aborted) this.#kill();
  }

  /** The first limit that was hit is the reason. */
  #limit(limitation: Limitation): void {
    this.#limitation ??= limitation;
    if (isAlive(this.#state)) this.#kill();
  }

  /** Kills and leaves the rest to `#finish`: the cgroup is read before it goes. */
  #kill(): void {
    this.#container?.kill('SIGKILL');
    this.#isolation.kill();
  }

  async #finish(status: ExitStatus): Promise<void> {
    this.#to('DESTROYING');
    this.#isolation.unwatch();
    await this.#conclude({ exit: containerExit(status, this.#limitation ?? this.#isolation.verdict()) });
  }

  async #fail(error: unknown): Promise<void> {
    const cause: unknown = this.#abort.signal.aborted ? this.#abort.signal.reason : error;
    const failure: ContainerFailure = { step: failedStep(this.#state), message: sentence(cause) };
    this.#to('UNDOING');
    if (this.#madeSandbox) {
      await noteInSandbox(this.spec.sandbox, `not started (${failure.step}): ${failure.message}`, this.#owner());
    }
    await this.#conclude({ failure });
  }

  /** Writes the last word down while all that led to it is still there. */
  async #conclude(verdict: Verdict): Promise<void> {
    try {
      if (this.#madeRuntimeDir) this.#machine.directories.writeVerdict(this.spec.containerId, verdict);
    } catch (error) {
      const { containerId } = this.spec;
      this.#machine.warn(`container ${containerId}: its end is not on disk and would be lost with the agent: ${sentence(error)}`);
    }
    await this.#tell(verdict);
  }

  /** Removes everything, and only then tells. */
  async #tell(verdict: Verdict): Promise<void> {
    await this.#machine.untilDone(`container ${this.spec.containerId}: it cannot be removed yet`, async () => {
      await this.#container?.destroy();
      await this.#isolation.remove();
    });
    this.#to('ENDED');
    this.#machine.ended(this.spec.containerId, verdict);
  }

  #launchSpec(): LaunchSpec {
    const runtimeDir = this.#machine.directories.path(this.spec.containerId);
    const { preparation, cgroup } = this.#isolation;
    return launchSpec(this.spec, preparation, { runtimeDir, path: this.#machine.path, cgroup });
  }

  #owner(): SandboxOwner | undefined {
    return this.#machine.root ? hostUser(this.#isolation.preparation) : undefined;
  }

  #to(state: LifeState): void {
    this.#state = advance(this.#state, state);
  }
}
