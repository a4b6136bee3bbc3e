import { IsolatorError } from '../types/errors.js';
import { CALLERS_LEAF } from './own-cgroup.js';

/** The kernel's bound for one name, and a bound for a prefix that leaves room below PATH_MAX. */
const NAME_LENGTH_MAX = 255;
const PREFIX_LENGTH_MAX = 1024;

const SEGMENT = /^[A-Za-z0-9._-]+$/;

/** Throws `INVALID_SPEC` for a name that is not one plain directory name. */
export function checkName(name: string): void {
  if (typeof name === 'string' && isSegment(name)) return;
  throw bad('cgroup name', name, `letters, digits, ".", "_" and "-", 1 to ${NAME_LENGTH_MAX}`);
}

/** Throws `INVALID_SPEC` for a prefix that is not a relative path of such names. */
export function checkPrefix(prefix: string): void {
  const fine = typeof prefix === 'string' && prefix.length <= PREFIX_LENGTH_MAX && prefix.split('/').every(isSegment);
  if (!fine || prefix.split('/')[0] === CALLERS_LEAF) {
    const expected = `a relative path such as "demo/one" of letters, digits, ".", "_" and "-", at most ${PREFIX_LENGTH_MAX} long`;
    throw bad('prefix', prefix, expected);
  }
}

function isSegment(name: string): boolean {
  return SEGMENT.test(name) && name.length <= NAME_LENGTH_MAX && name !== '.' && name !== '..';
}

function bad(field: string, value: unknown, expected: string): IsolatorError {
  const message = `${field}: expected ${expected}, got ${JSON.stringify(value)}`;
  return new IsolatorError(message, { code: 'INVALID_SPEC', errno: 0, step: `check ${field}` });
}
