import type { FileHandle } from 'node:fs/promises';
import { Agent, request, type Dispatcher } from 'undici';
import { codeOf, reasonOf } from './abort.js';

/** A redirect chain longer than this is a loop: what browsers and curl allow at most is 20 and 50, real ones are short. */
export const REDIRECTS_MAX = 10;

const CONNECT_MS = 10_000;

/** What a server says to recognize an unchanged file by. */
export interface Validators {
  readonly etag?: string;
  readonly lastModified?: string;
}

export interface DownloadOptions {
  readonly signal: AbortSignal;
  /** Ask only for what changed since. */
  readonly validators?: Validators;
  /** Called before each piece is written; throws to refuse it. */
  readonly onBytes: (count: number, done: number, total: number | undefined) => void;
}

/** `unchanged` if the validators still hold, else what was written. */
export type Downloaded =
  | { readonly unchanged: true }
  | { readonly unchanged: false; readonly bytes: number; readonly validators: Validators };

/** A refusal of the server's, with its status; everything else that goes wrong is a plain Error. */
export class HttpStatusError extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the server answered ${status}`);
    this.status = status;
  }
}

/** HTTP and HTTPS with one pool of connections. */
export class Downloader {
  readonly #agent: Agent;
  readonly #stallMs: number;

  constructor(stallMs: number) {
    this.#stallMs = stallMs;
    // The body's time-out is between two pieces: a slow download may take as long as it wants, a stalled one may not.
    const connect = { timeout: Math.min(CONNECT_MS, stallMs) };
    this.#agent = new Agent({ connect, headersTimeout: stallMs, bodyTimeout: stallMs });
  }

  /** Opens the file only once there is something to write. */
  async download(url: URL, openFile: () => Promise<FileHandle>, options: DownloadOptions): Promise<Downloaded> {
    try {
      const response = await this.#follow(url, options);
      if (response.statusCode === 304 && options.validators !== undefined) {
        await response.body.dump();
        return { unchanged: true };
      }
      if (response.statusCode !== 200) {
        await response.body.dump();
        throw new HttpStatusError(response.statusCode);
      }
      return { unchanged: false, bytes: await write(response, openFile, options), validators: validatorsOf(response) };
    } catch (error) {
      throw this.#readable(error, options.signal);
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  async #follow(from: URL, options: DownloadOptions): Promise<Dispatcher.ResponseData> {
    let url = from;
    for (let redirects = 0; ; redirects++) {
      const headers = headersFor(url, from, options.validators);
      const response = await request(url, { dispatcher: this.#agent, signal: options.signal, headers });
      const location = response.headers['location'];
      if (![301, 302, 303, 307, 308].includes(response.statusCode) || typeof location !== 'string') return response;
      await response.body.dump();
      if (redirects === REDIRECTS_MAX) throw new Error(`more than ${REDIRECTS_MAX} redirects`);
      url = redirected(location, url);
    }
  }

  #readable(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return reasonOf(signal);
    const code = codeOf(error);
    if (code === 'UND_ERR_BODY_TIMEOUT' || code === 'UND_ERR_HEADERS_TIMEOUT') {
      return new Error(`the server sent nothing for ${this.#stallMs / 1000} s`, { cause: error });
    }
    return error;
  }
}

/** Only http and https, and not from https to http: a redirect must not lead to local files or lose the encryption. */
function redirected(location: string, from: URL): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  const allowed = from.protocol === 'https:' ? ['https:'] : ['http:', 'https:'];
  if (url === undefined || !allowed.includes(url.protocol)) {
    const to = url === undefined ? 'something that is no URL' : url.protocol;
    throw new Error(`a redirect from ${from.protocol} to ${to}, which is not followed`);
  }
  return url;
}

/** Name and password of the URI go to its own host only. */
function headersFor(url: URL, from: URL, validators: Validators | undefined): Record<string, string> {
  const credentials = url.origin === from.origin && from.username !== '';
  const basic = `${decodeURIComponent(from.username)}:${decodeURIComponent(from.password)}`;
  return {
    'accept-encoding': 'identity',
    'user-agent': 'proffer-fetcher',
    ...(credentials ? { authorization: `Basic ${Buffer.from(basic).toString('base64')}` } : {}),
    ...(validators?.etag === undefined ? {} : { 'if-none-match': validators.etag }),
    ...(validators?.lastModified === undefined ? {} : { 'if-modified-since': validators.lastModified }),
  };
}

async function write(
  response: Dispatcher.ResponseData,
  openFile: () => Promise<FileHandle>,
  options: DownloadOptions,
): Promise<number> {
  const header = response.headers['content-length'];
  const total = typeof header === 'string' && /^\d+$/.test(header) ? Number(header) : undefined;
  const file = await openFile();
  try {
    let done = 0;
    for await (const piece of response.body as AsyncIterable<Uint8Array>) {
      done += piece.length;
      options.onBytes(piece.length, done, total);
      await writeAll(file, piece);
    }
    return done;
  } finally {
    response.body.destroy();
    await file.close();
  }
}

/** A single write may take less than it was given. */
export async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let offset = 0; offset < piece.length; ) offset += (await file.write(piece, offset)).bytesWritten;
}

function validatorsOf(response: Dispatcher.ResponseData): Validators {
  const { etag, 'last-modified': lastModified } = response.headers;
  return {
    ...(typeof etag === 'string' ? { etag } : {}),
    ...(typeof lastModified === 'string' ? { lastModified } : {}),
  };
}
