import { parseAttributes, parseRanges, parseResources, type Attribute, type Ranges, type Resources } from '@proffer/sdk/model';
import { LOG_LEVELS, type LogLevel } from '@proffer/sdk/service';
import { InvalidArgumentError } from 'commander';

/** Readers of option values: each returns the value or says what was expected; commander names the option. */

export function url(text: string): string {
  const full = /^https?:\/\//.test(text) ? text : `http://${text}`;
  if (!URL.canParse(full)) throw new InvalidArgumentError('expected a URL like http://127.0.0.1:5050.');
  return full.replace(/\/+$/, '');
}

export function port(text: string): number {
  const value = wholeNumber(text);
  if (value === undefined || value > 65535) throw new InvalidArgumentError('expected a port, 1 to 65535, or 0 for any free one.');
  return value;
}

/** A whole number of at least `minimum` and at most `maximum`. */
export function whole(minimum: number, maximum: number): (text: string) => number {
  return (text) => {
    const value = wholeNumber(text);
    if (value === undefined || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`expected a whole number from ${minimum} to ${maximum}.`);
    }
    return value;
  };
}

export function resources(text: string): Resources {
  return explained(() => parseResources(text));
}

export function attributes(text: string): Attribute[] {
  return explained(() => parseAttributes(text));
}

export function logLevel(text: string): LogLevel {
  const level = LOG_LEVELS.find((one) => one === text);
  if (level === undefined) throw new InvalidArgumentError(`expected one of ${LOG_LEVELS.join(', ')}.`);
  return level;
}

/** `31000-31100,31200`. */
export function ranges(text: string): Ranges {
  return explained(() => parseRanges(`[${text}]`));
}

/** Where the master listens for agents and frameworks. */
export function endpoint(text: string): string {
  const full = text.includes('://') ? text : `tcp://${text}`;
  if (!/^tcp:\/\/.+:\d+$/.test(full)) throw new InvalidArgumentError('expected an address like tcp://127.0.0.1:5060.');
  return full;
}

/** Weights of roles: `batch=2,web=0.5`. */
export function weights(text: string): Record<string, number> {
  const parsed: Record<string, number> = {};
  for (const part of text.split(',')) {
    const match = /^([^=]+)=(\d+(?:\.\d+)?)$/.exec(part.trim());
    if (match === null || Number(match[2]) <= 0) throw new InvalidArgumentError(`expected weights like batch=2,web=0.5, got "${part}".`);
    parsed[match[1]!] = Number(match[2]);
  }
  return parsed;
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function explained<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
