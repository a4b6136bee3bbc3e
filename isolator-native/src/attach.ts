import { closeSync, constants, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { notAttached, SocketAttachment } from './attachment.js';
import { attachFrame } from './console-frames.js';
import { checkInteger } from './field.js';
import type { Attachment, AttachOptions, Container } from './types/index.js';

/** What the launcher keeps. */
const REPLAY_BYTES_MAX = 64 * 1024;

/**
 * Becomes a client of a running container's streams, which was launched with `attach`. Several may be attached at once, also
 * from other processes. Rejects with an `IsolatorError`: `ENOENT` where the container has ended or has no such socket.
 */
export async function attach(container: Container | string, options: AttachOptions): Promise<Attachment> {
  const { replayBytes = 0, output = true, patient = false } = options;
  checkInteger('options.replayBytes', replayBytes, 0, REPLAY_BYTES_MAX);
  const runtimeDir = typeof container === 'string' ? container : container.runtimeDir;
  const attachment = new SocketAttachment(await connectTo(runtimeDir), options);
  attachment.send(attachFrame({ replayBytes, output, patient }));
  await attachment.ready;
  return attachment;
}

/** By a descriptor of the directory: the address of a socket holds 107 bytes, and paths may be longer. */
function connectTo(runtimeDir: string): Promise<Socket> {
  const directory = openDirectory(runtimeDir);
  return new Promise<Socket>((resolve, reject) => {
    const socket = connect(`/proc/self/fd/${directory}/attach`);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      // A killed launcher leaves its socket behind.
      const gone = error.code === 'ENOENT' || error.code === 'ECONNREFUSED';
      const reason = gone ? 'it has ended, or was not launched with attach' : error.message;
      reject(notAttached(gone ? 'ENOENT' : (error.code ?? 'EIO'), reason, runtimeDir));
    });
  }).finally(() => closeSync(directory));
}

function openDirectory(runtimeDir: string): number {
  try {
    return openSync(runtimeDir, constants.O_DIRECTORY | constants.O_RDONLY);
  } catch (error) {
    const { code = 'EIO' } = error as NodeJS.ErrnoException;
    throw notAttached(code, 'there is no such runtime directory', runtimeDir);
  }
}
