import type { Socket } from 'node:net';
import { closeInputFrame, CONSOLE_VERSION, ENDED, FrameReader, HELLO, inputFrames, resizeFrame, STDERR, STDOUT } from './console-frames.js';
import { deferred } from './deferred.js';
import type { Deferred } from './deferred.js';
import { checkInteger } from './field.js';
import { IsolatorError } from './types/errors.js';
import type { AttachHandlers, Attachment, AttachmentEnd } from './types/index.js';

const TERMINAL = 1;
const STDIN = 2;
/** The kernel stores 16 bits. */
const SIDE_MAX = 0xffff;

/** A connection with a launcher's console. */
export class SocketAttachment implements Attachment {
  readonly closed: Promise<AttachmentEnd>;
  /** Resolves when the launcher has said who it is; rejects where it ends or speaks another version. */
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  #flags = 0;
  #end: AttachmentEnd = 'dropped';

  constructor(socket: Socket, handlers: AttachHandlers) {
    this.#socket = socket;
    const ready = deferred<void>();
    this.ready = ready.promise;
    const reader = new FrameReader((type, payload) => {
      if (type === STDOUT || type === STDERR) handlers.onOutput(type === STDOUT ? 'stdout' : 'stderr', payload);
      else if (type === ENDED) this.#end = 'ended';
      else if (type === HELLO) this.#hello(payload, ready);
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        ready.reject(notAttached('ECONNRESET', 'the launcher ended'));
        resolve(this.#end);
      });
    });
    // Whoever does not wait for it is told by `closed`.
    this.ready.catch(() => undefined);
    socket.on('data', (bytes: Buffer) => reader.push(bytes));
    socket.on('drain', () => handlers.onDrain?.());
    socket.on('error', (error) => ready.reject(error));
  }

  get terminal(): boolean {
    return (this.#flags & TERMINAL) !== 0;
  }

  get stdin(): boolean {
    return (this.#flags & STDIN) !== 0;
  }

  /** Raw frames, for the one that opens the attachment. */
  send(frame: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(frame);
  }

  write(bytes: Uint8Array): boolean {
    if (this.#socket.destroyed) return true;
    this.#socket.cork();
    let room = true;
    for (const part of inputFrames(bytes)) room = this.#socket.write(part);
    this.#socket.uncork();
    return room;
  }

  closeInput(): void {
    this.send(closeInputFrame());
  }

  resize(columns: number, rows: number): void {
    checkInteger('options.columns', columns, 1, SIDE_MAX);
    checkInteger('options.rows', rows, 1, SIDE_MAX);
    this.send(resizeFrame(columns, rows));
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  detach(): void {
    if (this.#socket.destroyed) return;
    if (this.#end === 'dropped') this.#end = 'detached';
    this.#socket.destroy();
  }

  #hello(payload: Buffer, ready: Deferred<void>): void {
    const version = payload[0];
    this.#flags = payload[1] ?? 0;
    if (version === CONSOLE_VERSION) return ready.resolve();
    ready.reject(notAttached('EPROTO', `the launcher speaks version ${version}, this library ${CONSOLE_VERSION}`));
    this.#socket.destroy();
  }
}

export function notAttached(code: string, reason: string, path?: string): IsolatorError {
  const place = path === undefined ? '' : ` to ${path}`;
  return new IsolatorError(`attach${place}: ${code}, ${reason}`, {
    code, errno: 0, step: 'attach', ...(path !== undefined && { path }),
  });
}
