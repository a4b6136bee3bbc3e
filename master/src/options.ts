import type { Logger } from '@proffer/sdk/service';
import type { AcceptorHandlers, AcceptorLink, Clock } from '@proffer/sdk/transport';
import type { CoreConfig } from './core/types.js';
import type { FromPeer, ToPeer } from './shell.js';

/** Where masters listen unless told otherwise. */
export const DEFAULT_HTTP_PORT = 5050;
export const DEFAULT_ZMQ_PORT = 5060;

export interface MasterOptions {
  /** Directory of the registry; made if it is not there. One master at a time. */
  readonly workDir: string;
  readonly log: Logger;
  /** Address to listen on; 127.0.0.1 when absent. Anything wider needs `insecure`. */
  readonly host?: string;
  /** HTTP API; 5050 when absent, 0 for any free port. */
  readonly httpPort?: number;
  /** Agents and frameworks; 5060 when absent, 0 for any free port. */
  readonly zmqPort?: number;
  readonly insecure?: boolean;
  /** Deviations from the core's defaults. */
  readonly core?: Partial<Omit<CoreConfig, 'masterId' | 'version'>>;
  /** Time; the machine's when absent. */
  readonly clock?: Clock;
  /** How peers are listened to; ZeroMQ when absent. */
  readonly listen?: Listen;
  /** The registry failed and the master has stopped deciding; when absent the error ends the process. */
  readonly onFailure?: (error: Error) => void;
}

/** Opens the door for agents and frameworks. */
export type Listen = (handlers: AcceptorHandlers<FromPeer>) => Promise<Door>;

export interface Door {
  readonly link: AcceptorLink<ToPeer>;
  /** Where peers connect, with the real port: `tcp://127.0.0.1:5060`. */
  readonly endpoint: string;
  /** Frames and messages that were refused so far. */
  readonly rejected: () => number;
}

/** A master at work. */
export interface RunningMaster {
  readonly masterId: string;
  /** `host:port` of the HTTP API. */
  readonly httpAddress: string;
  /** Where agents and frameworks connect. */
  readonly endpoint: string;
  /** Stops deciding, writes what is to be written and closes every socket. */
  close(): Promise<void>;
}
