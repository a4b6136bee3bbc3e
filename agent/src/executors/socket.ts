import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import type { AgentToExecutor, ExecutorToAgent } from '@proffer/sdk/protocol';
import { zmqAcceptor, type AcceptorHandlers, type AcceptorLink } from '@proffer/sdk/transport';

/** Linux gives the path of a unix socket 108 bytes; ZeroMQ wants some of them for itself. */
const SOCKET_PATH_BYTES_MAX = 100;

/**
 * Where executors reach this agent: in a directory of its own, the same after every restart, since it is mounted into
 * their containers. Below the work directory, or, where that is too long for a socket's path, below the temporary one.
 */
export function executorSocketPath(workDir: string): string {
  const path = join(workDir, 'run', 'executors', 'socket');
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) return path;
  return join(tmpdir(), `proffer-${createHash('sha256').update(workDir).digest('hex').slice(0, 16)}`, 'socket');
}

/** Listens for executors. Whoever reaches the socket still needs the token of an executor. */
export async function listenForExecutors(
  path: string,
  handlers: AcceptorHandlers<ExecutorToAgent>,
  warn: (text: string) => void,
): Promise<AcceptorLink<AgentToExecutor>> {
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const stat = lstatSync(directory);
  if (!stat.isDirectory() || stat.uid !== process.getuid?.()) {
    throw new Error(`${directory} must be a directory of this user: remove it, or choose a work directory with a shorter path`);
  }
  const link = await zmqAcceptor<'executor'>({ bind: `ipc://${path}`, kinds: ['executor'], warn }, handlers);
  // Executors run as other users.
  chmodSync(path, 0o666);
  return link;
}
