import { once } from 'node:events';
import { statSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * Locks a directory for this process; the returned function ends that. Rejects while another holds it.
 *
 * The lock is an abstract unix socket named after the directory's device and inode: the kernel gives a name to one
 * process at a time and takes it back when that process ends, however it ends, so there is never a stale lock to judge.
 * Abstract names belong to a network namespace: two processes that share a directory must share that as well.
 */
export async function lockDirectory(path: string): Promise<() => void> {
  const { dev, ino } = statSync(path);
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen(`\0proffer-store-${dev}-${ino}`);
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`${path} is in use by another process: stop that one first, or choose another directory`, { cause: error });
  }
  server.unref();
  return () => void server.close();
}
