import { request, type Dispatcher } from 'undici';
import { CliError, EXIT } from '../errors.js';

/** How long a service may take to begin to answer. */
const HEADERS_WITHIN_MS = 15_000;

/** Longest piece of an unexpected answer that an error repeats. */
const SHOWN_LENGTH_MAX = 300;

/** A service of the cluster as the command line addresses it. */
export interface Service {
  /** `master`, `marathon`, `agent`. */
  readonly name: string;
  /** `http://127.0.0.1:5050`, without a slash at the end. */
  readonly url: string;
  /** What to do when nothing answers there. */
  readonly hint: string;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Asks a service and returns its JSON. Throws CliError with the service's own message when it refuses. */
export async function requestJson(service: Service, method: Method, path: string, body?: unknown): Promise<unknown> {
  const response = await requestRaw(service, method, path, body);
  const text = await response.body.text();
  const json = parse(text);
  if (response.statusCode >= 400) throw refused(service, response.statusCode, json, text);
  if (json === undefined) {
    throw new CliError(`what answers at ${service.url} is no Proffer ${service.name}: ${method} ${path} gave no JSON but "${text.slice(0, SHOWN_LENGTH_MAX)}"`);
  }
  return json;
}

/** The answer as it comes, for what is streamed. Throws CliError when nothing answers. */
export async function requestRaw(
  service: Service,
  method: Method,
  path: string,
  body?: unknown,
  options: { readonly stream?: boolean } = {},
): Promise<Dispatcher.ResponseData> {
  try {
    return await request(service.url + path, {
      method,
      headersTimeout: HEADERS_WITHIN_MS,
      // Somebody who follows a quiet task waits as long as the task is quiet.
      bodyTimeout: options.stream === true ? 0 : HEADERS_WITHIN_MS,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    });
  } catch (error) {
    throw unreachable(service, error as NodeJS.ErrnoException);
  }
}

/** The error of an answer that is none of success, for those who read the body themselves. */
export async function refusedBody(service: Service, response: Dispatcher.ResponseData): Promise<CliError> {
  const text = await response.body.text();
  return refused(service, response.statusCode, parse(text), text);
}

function refused(service: Service, status: number, json: unknown, text: string): CliError {
  const message = messageOf(json) ?? (text.slice(0, SHOWN_LENGTH_MAX) || `status ${status}`);
  return new CliError(`the ${service.name} refused: ${message}`, { exitCode: status === 404 ? EXIT.NOT_FOUND : EXIT.FAILED });
}

function unreachable(service: Service, error: NodeJS.ErrnoException): CliError {
  const { host } = new URL(service.url);
  const what =
    error.code === 'ECONNREFUSED'
      ? `nothing listens on ${host}, where the ${service.name} was expected`
      : error.code === 'ENOTFOUND'
        ? `the host of ${service.url} is not known`
        : `the ${service.name} at ${service.url} does not answer: ${error.message}`;
  return new CliError(what, { exitCode: EXIT.UNREACHABLE, hint: service.hint, cause: error });
}

/** The services' error bodies: `message`, and Marathon's `details` of fields that are wrong. */
function messageOf(json: unknown): string | undefined {
  const { message, details } = (json ?? {}) as { readonly message?: unknown; readonly details?: unknown };
  if (typeof message !== 'string') return undefined;
  if (typeof details === 'string') return `${message}: ${details}`;
  if (!Array.isArray(details)) return message;
  const faults = (details as { readonly path?: string; readonly errors?: readonly string[] }[]).map(
    ({ path, errors }) => `\n  ${path ?? ''}: ${(errors ?? []).join('; ')}`,
  );
  return message + faults.join('');
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
