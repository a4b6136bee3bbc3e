import type { AgentToMaster, MasterToAgent } from '@proffer/sdk/protocol';
import type { Logger } from '@proffer/sdk/service';
import type { LinkOpener } from '@proffer/sdk/transport';
import type { CollectorOptions } from './collector.js';
import type { ContainerizerOptions, MachineContainerizer } from './containerizer/index.js';
import type { AgentCoreConfig, AgentView } from './core/types.js';

/** Loopback, so that nobody else reaches an agent that asks nobody who is calling. */
export const DEFAULT_AGENT_HTTP_HOST = '127.0.0.1';

/** The first of the ports that agents of one machine try. */
export const DEFAULT_AGENT_HTTP_PORT = 5051;

export interface AgentOptions {
  /** Everything the agent keeps is below it; the same one makes it the same agent again. */
  readonly workDir: string;
  /** Where the master listens (`tcp://127.0.0.1:5060`), or another way to reach one. */
  readonly master: string | LinkOpener<MasterToAgent, AgentToMaster>;
  readonly version: string;
  /** How users reach tasks on this machine; `127.0.0.1` while everything is on loopback, else the machine's name. */
  readonly hostname?: string;
  readonly httpHost?: string;
  /** This port and no other (0: any); absent: the first free one from 5051 on. */
  readonly httpPort?: number;
  /** Allows addresses that other machines reach. */
  readonly insecure?: boolean;
  /** `cpus:2;mem:1024;ports:[31000-31100]`; what is not named is detected. */
  readonly resources?: string;
  /** `rack:r1;level:10`. */
  readonly attributes?: string;
  /** What the operator decides about containers. */
  readonly containers?: Omit<ContainerizerOptions, 'agentName' | 'workDir' | 'runDir' | 'handlers' | 'clock' | 'onWarning'>;
  /** When sandboxes of ended containers go. */
  readonly garbage?: Partial<CollectorOptions>;
  readonly core?: Partial<Omit<AgentCoreConfig, 'info' | 'sandboxRoot' | 'executorSocket' | 'newId'>>;
  readonly log?: Logger;
  /** Called once when the agent has nothing more to do: the process should close it and end. */
  readonly onEnd?: (end: AgentEnd) => void;
  /** Another containerizer than this machine's, for tests. */
  readonly createContainerizer?: (options: ContainerizerOptions) => MachineContainerizer;
}

/** Why an agent has nothing more to do. */
export type AgentEnd =
  /** `stopTasks` is through. */
  | { readonly reason: 'stopTasks' }
  /** An operator marked it gone: the next start is a new agent. */
  | { readonly reason: 'gone' }
  /** It cannot go on: its disk refuses. Containers run on. */
  | { readonly reason: 'failed'; readonly error: Error };

export interface RunningAgent {
  readonly agentId: string;
  /** `host:port`. */
  readonly httpAddress: string;
  /** How well tasks are isolated here, and what would turn on the rest: for the start banner. */
  readonly isolation: Pick<MachineContainerizer, 'mode' | 'missing'>;
  view(): AgentView;
  /** Ends every task and executor; resolves when all ends are acknowledged, or after a bounded time. */
  stopTasks(): Promise<void>;
  /** Ends this part of the process; containers run on and are found by the next start. */
  close(): Promise<void>;
}
