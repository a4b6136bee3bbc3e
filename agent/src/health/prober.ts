import { connect } from 'node:net';
import type { HealthCheck } from '@proffer/sdk/model';
import { Agent, request } from 'undici';
import type { Containerizer } from '../containerizer/types.js';
import type { CheckResult } from '../core/types.js';
import { checkTimeoutMs } from './machine.js';

/** Checks that run at once on one agent: hundreds of tasks must not start hundreds of commands in the same second. */
export const CHECKS_AT_ONCE_MAX = 32;

/** Where tasks in the agent's own network are: their ports are the machine's. */
const HOST = '127.0.0.1';

/** What checks need of the containerizer. */
type Containers = Pick<Containerizer, 'exec'> & Partial<Pick<Containerizer, 'ipAddresses'>>;

/** Runs health checks: over HTTP, TCP, or as a command in the task's container. */
export class Prober {
  readonly #containerizer: Containers;
  /** Each check opens a connection of its own: one that is kept would hide a server that accepts no new ones. */
  readonly #agent = new Agent({ pipelining: 0, connect: { rejectUnauthorized: false } });
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(containerizer: Containers) {
    this.#containerizer = containerizer;
  }

  /** Never rejects. The time limit of the check counts from its start, not from this call. */
  async run(containerId: string, check: HealthCheck): Promise<CheckResult> {
    if (this.#running >= CHECKS_AT_ONCE_MAX) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await this.#probe(containerId, check);
    } catch (error) {
      return { healthy: false, message: sentence(error, checkTimeoutMs(check)) };
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }

  #probe(containerId: string, check: HealthCheck): Promise<CheckResult> {
    const timeoutMs = checkTimeoutMs(check);
    switch (check.type) {
      case 'HTTP':
        return this.#http(this.#address(containerId), check.http!, timeoutMs);
      case 'TCP':
        return tcp(this.#address(containerId), check.tcp!.port, timeoutMs);
      case 'COMMAND':
      default:
        return this.#command(containerId, check.command!, timeoutMs);
    }
  }

  /** A container with networks of its own is asked at its address in the first, and on its own ports. */
  #address(containerId: string): string {
    const addresses = this.#containerizer.ipAddresses?.(containerId);
    if (addresses === undefined) return HOST;
    const [first] = addresses;
    if (first === undefined) throw new Error('its network has only a loopback, which nobody else reaches; check it with a COMMAND');
    return first;
  }

  async #http(host: string, { scheme = 'http', port, path = '/' }: NonNullable<HealthCheck['http']>, timeoutMs: number): Promise<CheckResult> {
    // Put together as text: a path like `//elsewhere/` must not become another host.
    const url = new URL(`${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}${path.startsWith('/') ? '' : '/'}${path}`);
    const { statusCode, body } = await request(url, { dispatcher: this.#agent, signal: AbortSignal.timeout(timeoutMs) });
    // The status is the answer; a body without end must not hold the check.
    body.on('error', () => undefined).destroy();
    const healthy = statusCode >= 200 && statusCode <= 399;
    return { healthy, message: `GET ${url.pathname} on port ${port} answered ${statusCode}` };
  }

  async #command(containerId: string, command: NonNullable<HealthCheck['command']>, timeoutMs: number): Promise<CheckResult> {
    const result = await this.#containerizer.exec(containerId, command, timeoutMs);
    if ('error' in result) return { healthy: false, message: `the check's command failed: ${result.error}` };
    return { healthy: result.code === 0, message: `the check's command ended with exit code ${result.code}` };
  }
}

function tcp(host: string, port: number, timeoutMs: number): Promise<CheckResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal: AbortSignal.timeout(timeoutMs) });
    socket.once('connect', () => {
      socket.destroy();
      resolve({ healthy: true, message: `a connection to port ${port} opened` });
    });
    socket.once('error', reject);
  });
}

function sentence(error: unknown, timeoutMs: number): string {
  const { name, message, code } = error as NodeJS.ErrnoException;
  if (name === 'TimeoutError' || code === 'ABORT_ERR') return `no answer within ${timeoutMs / 1000} s`;
  return message === '' ? (code ?? name) : message;
}
