import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { CliError } from '../errors.js';

/** A port that a part will listen on, and the flag that changes it. 0 is any free one. */
export interface WantedPort {
  readonly name: string;
  readonly port: number;
  readonly flag: string;
}

/**
 * The ports to use, in order: free ones where 0 was asked for. Throws CliError that names the port, its part and its
 * flag when one is taken. They are held together while they are looked at, so that all differ, and let go at the end.
 */
export async function choosePorts(host: string, wanted: readonly WantedPort[]): Promise<number[]> {
  const held: Server[] = [];
  try {
    const ports: number[] = [];
    for (const one of wanted) {
      const server = await hold(host, one);
      held.push(server);
      ports.push((server.address() as AddressInfo).port);
    }
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

async function hold(host: string, { name, port, flag }: WantedPort): Promise<Server> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return server;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new CliError(`port ${port} of ${host}, for the ${name}, is in use`, {
        hint: `stop what listens there, perhaps another "proffer up", or choose another port with ${flag} PORT (0 for any free one)`,
        cause: error,
      });
    }
    throw new CliError(`the ${name} cannot listen on port ${port} of ${host}: ${message}`, { hint: `choose another port with ${flag} PORT`, cause: error });
  }
}
