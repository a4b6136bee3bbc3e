import { constants } from 'node:os';

const numbers: ReadonlyMap<string, number> = new Map(Object.entries(constants.signals));
const names: ReadonlyMap<number, string> = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));

/** The highest signal number of Linux. */
export const SIGNAL_MAX = 64;

/** `SIGKILL` for 9; `SIG42` for one without a name. */
export function signalName(number: number): string {
  return names.get(number) ?? `SIG${number}`;
}

/** The number of a signal given by name or number; throws a TypeError that says what was expected. */
export function signalNumber(signal: string | number): number {
  const number = typeof signal === 'number' ? signal : numbers.get(signal);
  if (number !== undefined && Number.isInteger(number) && number >= 1 && number <= SIGNAL_MAX) return number;
  const expected = `a name such as SIGTERM or a number from 1 to ${SIGNAL_MAX}`;
  throw new TypeError(`signal: expected ${expected}, got ${JSON.stringify(signal)}`);
}
