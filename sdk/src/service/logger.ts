import process from 'node:process';
import { pino, type DestinationStream, type Logger } from 'pino';
import { readableLine } from './readable-line.js';

export type { Logger } from 'pino';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export interface LoggerOptions {
  /** The part that speaks: `master`, `agent`, `marathon`. */
  readonly name: string;
  /** `info` when absent. */
  readonly level?: LogLevel;
  /** Where lines go; standard error when absent. */
  readonly destination?: DestinationStream;
  /** Lines for people instead of JSON; by default when standard error is a terminal. */
  readonly readable?: boolean;
}

/** Fields whose values never reach a log, wherever in an object of up to three levels they are. */
const SECRET_FIELDS = ['password', 'secret', 'secretKey', 'token', 'authorization', 'cookie', 'environment', 'env'];

/** A logger of one part of a service: JSON lines on standard error, or readable ones on a terminal. */
export function createLogger(options: LoggerOptions): Logger {
  const readable = options.readable ?? (options.destination === undefined && process.stderr.isTTY);
  const destination = options.destination ?? pino.destination({ fd: 2, sync: true });
  return pino(
    {
      name: options.name,
      level: options.level ?? 'info',
      base: { name: options.name },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`, `*.*.${field}`]), censor: '[hidden]' },
    },
    readable ? { write: (line: string) => destination.write(readableLine(line)) } : destination,
  );
}
