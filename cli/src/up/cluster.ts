import { fileURLToPath } from 'node:url';
import { readState, type StateJson } from '../api/master.js';
import { requestJson } from '../api/request.js';
import { marathonService, masterService } from '../context.js';
import { CliError } from '../errors.js';
import { Child } from './child.js';
import { waitUntil } from './wait-until.js';
import type { WorkDir } from './work-dir.js';

/** Everything registers within a second or two; a machine that swaps takes longer. */
const READY_WITHIN_MS = 60_000;

/** What an agent is given to stop all its tasks: their grace period and some. */
const STOP_TASKS_WITHIN_MS = 30_000;

const STOP_WITHIN_MS = 10_000;

/** Lines of a part's log that an error repeats. */
const SHOWN_LINES = 15;

const COMMAND = fileURLToPath(new URL('../../bin/proffer.js', import.meta.url));

export interface ClusterOptions {
  readonly workDir: WorkDir;
  readonly host: string;
  readonly insecure: boolean;
  readonly masterPort: number;
  readonly zmqPort: number;
  readonly marathonPort: number;
  /** One for each agent. */
  readonly agentPorts: readonly number[];
  /** What each agent offers, as text; what it finds where absent. */
  readonly agentResources: readonly string[];
  /** Tasks may fetch what is in these, whoever they run as. */
  readonly publicDirectories: readonly string[];
  readonly logLevel: string;
  /** A sentence about a part, for the terminal. */
  readonly onNote: (text: string) => void;
}

/** A master, agents and Marathon on this machine, each a supervised process. */
export class Cluster {
  readonly masterUrl: string;
  readonly marathonUrl: string;
  readonly agentAddresses: readonly string[];
  readonly endpoint: string;
  readonly #options: ClusterOptions;
  readonly #master: Child;
  readonly #agents: readonly Child[];
  readonly #marathon: Child;
  #ready = false;
  #failure: CliError | undefined;

  constructor(options: ClusterOptions) {
    const { host, masterPort, zmqPort, marathonPort, agentPorts } = options;
    this.#options = options;
    this.masterUrl = `http://${host}:${masterPort}`;
    this.marathonUrl = `http://${host}:${marathonPort}`;
    this.agentAddresses = agentPorts.map((port) => `${host}:${port}`);
    this.endpoint = `tcp://${host}:${zmqPort}`;
    this.#master = this.#part('master', 'master', ['--http-port', String(masterPort), '--zmq-port', String(zmqPort)]);
    this.#agents = agentPorts.map((port, i) => {
      const offered = options.agentResources[i];
      const resources = offered === undefined ? [] : ['--resources', offered];
      const shown = options.publicDirectories.flatMap((directory) => ['--public-directory', directory]);
      return this.#part(`agent-${i + 1}`, 'agent', ['--master', this.endpoint, '--http-port', String(port), ...resources, ...shown]);
    });
    this.#marathon = this.#part('marathon', 'marathon', ['--master', this.endpoint, '--http-port', String(marathonPort)]);
  }

  /** The processes, by the names of their parts. */
  get parts(): readonly Child[] {
    return [this.#master, ...this.#agents, this.#marathon];
  }

  /** Starts all parts and waits until they have found each other. Throws CliError with the log's last lines when one cannot start. */
  async start(signal: AbortSignal): Promise<StateJson | undefined> {
    for (const part of this.parts) part.start();
    const state = await waitUntil(() => this.#look(), READY_WITHIN_MS, signal);
    if (signal.aborted) return undefined;
    if (state === undefined) throw new CliError(`not everything has registered within ${READY_WITHIN_MS / 1000} s`, { hint: `the logs are in ${this.#options.workDir.logFile('*')}` });
    this.#ready = true;
    return state;
  }

  /**
   * Ends everything. First the tasks, with their agents, while the framework is there to hear of it: the ends of all
   * tasks are known and acknowledged, and what it would start in their place the ending agents refuse. Then the others.
   */
  async stop(): Promise<void> {
    await Promise.all(this.#agents.map((agent, i) => this.#stopAgent(agent, this.agentAddresses[i]!)));
    await this.#marathon.stop('SIGTERM', STOP_WITHIN_MS);
    await this.#master.stop('SIGTERM', STOP_WITHIN_MS);
  }

  /** An agent that has died just now is started once more: only it can stop its tasks. */
  async #stopAgent(agent: Child, address: string): Promise<void> {
    if (this.#ready && !agent.running) agent.start();
    // Before it answers it does not know its tasks, nor the signal.
    const well = await waitUntil(async () => (!agent.running || (await answers(`http://${address}`)) ? true : undefined), STOP_WITHIN_MS);
    if (well !== true) this.#options.onNote(`${agent.name} does not answer; its tasks may be left running (log: ${agent.logFile})`);
    await agent.stop('SIGUSR1', STOP_TASKS_WITHIN_MS);
  }

  #part(name: string, command: string, flags: readonly string[]): Child {
    const { workDir, host, insecure, logLevel, onNote } = this.#options;
    const common = ['--host', host, '--work-dir', `${workDir.path}/${name}`, '--log-level', logLevel, '--exit-with-parent'];
    return new Child({
      name,
      args: [COMMAND, command, ...flags, ...common, ...(insecure ? ['--insecure'] : [])],
      logFile: workDir.logFile(name),
      onStarted: (child) => workDir.note(name, child.mark),
      onEnded: (child, how, restartInMs) => {
        workDir.note(name, undefined);
        if (this.#ready) onNote(`${name} ${how}; starting it again in ${restartInMs / 1000} s (log: ${child.logFile})`);
        else this.#failure ??= startFailure(child, how);
      },
    });
  }

  /** The cluster's state once everybody is there. */
  async #look(): Promise<StateJson | undefined> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      const state = await readState(masterService(this.masterUrl));
      const agents = this.agentAddresses.every((address) => state.agents.some((agent) => agent.httpAddress === address && agent.state === 'registered'));
      const marathon = state.frameworks.some(({ name, state: its }) => name === 'marathon' && its === 'connected');
      return agents && marathon && (await answers(this.marathonUrl)) ? state : undefined;
    } catch (error) {
      if (error instanceof CliError) return undefined;
      throw error;
    }
  }
}

function startFailure(child: Child, how: string): CliError {
  const lines = child.lastLines(SHOWN_LINES);
  const said = lines.length === 0 ? '' : `; it said:\n${lines.map((line) => `  | ${line}`).join('\n')}`;
  return new CliError(`${child.name} ${how}${said}`, { hint: `the whole log is ${child.logFile}` });
}

/** True if a service says that it is well. */
async function answers(url: string): Promise<boolean> {
  try {
    await requestJson({ ...marathonService(url), name: 'service' }, 'GET', '/health');
    return true;
  } catch {
    return false;
  }
}
