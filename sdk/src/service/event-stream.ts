import type { FastifyReply } from 'fastify';

/** How much may wait for one reader before it is dropped: a minute of a busy cluster's events, and no more. */
export const EVENT_STREAM_BYTES_MAX = 4 * 1024 * 1024;

/** Proxies and browsers give up on a silent connection after 30 to 60 seconds. */
export const KEEP_ALIVE_MS = 15_000;

export interface EventStreamOptions {
  readonly keepAliveMs?: number;
  readonly bytesMax?: number;
  /** Called once, when the stream is over: the reader left, was dropped, or `close()`. */
  readonly onEnd?: (why: 'closed' | 'left' | 'too slow') => void;
}

/** One event of a stream; `data` is sent as one line of JSON. */
export interface StreamedEvent {
  readonly id?: number | string;
  readonly event?: string;
  readonly data: unknown;
}

/** Server-sent events to one reader. */
export interface EventStream {
  /** False once the stream is over. A reader that is too slow is dropped: it comes back and asks for what it missed. */
  send(event: StreamedEvent): boolean;
  close(): void;
}

/** Streams of one server, ended when it closes. */
const OPEN = new WeakMap<object, Set<EventStream>>();

/** Turns the answer to this request into a stream of server-sent events. */
export function streamEvents(reply: FastifyReply, options: EventStreamOptions = {}): EventStream {
  const { keepAliveMs = KEEP_ALIVE_MS, bytesMax = EVENT_STREAM_BYTES_MAX, onEnd } = options;
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', connection: 'keep-alive' });
  raw.flushHeaders();
  const keepAlive = setInterval(() => raw.write(': keep-alive\n\n'), keepAliveMs);
  keepAlive.unref();
  let over = false;
  const end = (why: 'closed' | 'left' | 'too slow'): void => {
    if (over) return;
    over = true;
    clearInterval(keepAlive);
    streamsOf(reply).delete(stream);
    if (why === 'closed') raw.end();
    else raw.destroy();
    onEnd?.(why);
  };
  const stream: EventStream = {
    send(event) {
      if (over) return false;
      raw.write(frame(event));
      if (raw.writableLength > bytesMax) end('too slow');
      return !over;
    },
    close: () => end('closed'),
  };
  streamsOf(reply).add(stream);
  raw.on('close', () => end('left'));
  raw.on('error', () => end('left'));
  if (reply.request.method === 'HEAD') end('closed');
  return stream;
}

/** Ends every stream of this server. */
export function closeEventStreams(server: object): void {
  for (const stream of OPEN.get(server) ?? []) stream.close();
}

function streamsOf(reply: FastifyReply): Set<EventStream> {
  const server = reply.server.server;
  let streams = OPEN.get(server);
  if (streams === undefined) OPEN.set(server, (streams = new Set()));
  return streams;
}

function frame({ id, event, data }: StreamedEvent): string {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`;
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}
