import type { Logger } from '@proffer/sdk/service';
import { zmqAcceptor, type AcceptorHandlers, type Clock } from '@proffer/sdk/transport';
import type { Door } from './options.js';
import type { FromPeer } from './shell.js';

export interface ListenOptions {
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Listens for agents and frameworks on ZeroMQ. Rejects with an error that names the port when it is taken. */
export async function listenZmq(handlers: AcceptorHandlers<FromPeer>, { host, port, clock, log }: ListenOptions): Promise<Door> {
  let refused = 0;
  const address = host.includes(':') ? `[${host}]` : host;
  const bind = `tcp://${address}:${port === 0 ? '*' : port}`;
  try {
    const link = await zmqAcceptor(
      { bind, kinds: ['agent', 'framework'], clock, warn: (text) => log.warn(text), refused: () => void refused++ },
      handlers,
    );
    return { link, endpoint: link.endpoint, rejected: () => refused };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`${bind} is in use: stop what listens there, or choose another port for agents and frameworks`, { cause: error });
  }
}
