import { IsolatorError } from './types/errors.js';

/** Longest text that the kernel takes as a path. */
const PATH_BYTES_MAX = 4095;
/** Highest user or group number; the one above it means "none" to the kernel. */
const ID_MAX = 0xffff_fffe;

/** The error for one bad field: `spec.mounts[2].target: expected an absolute path, got "tmp"`. */
export function invalid(field: string, expected: string, value: unknown): IsolatorError {
  const place = field.startsWith('options.') ? field : `spec.${field}`;
  return new IsolatorError(`${place}: expected ${expected}, got ${describe(value)}`, {
    code: 'INVALID_SPEC', errno: 0, step: 'check spec', path: field,
  });
}

export function checkText(field: string, value: unknown): void {
  if (typeof value !== 'string' || value.includes('\0')) throw invalid(field, 'text without zero bytes', value);
}

export function checkPath(field: string, value: unknown): void {
  const absolute = typeof value === 'string' && value.startsWith('/') && !value.includes('\0');
  if (!absolute || Buffer.byteLength(value) > PATH_BYTES_MAX) throw invalid(field, 'an absolute path', value);
}

export function checkInteger(field: string, value: unknown, least: number, most: number): void {
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  throw invalid(field, `an integer ${range}`, value);
}

export function checkId(field: string, value: unknown): void {
  checkInteger(field, value, 0, ID_MAX);
}

export function checkBoolean(field: string, value: unknown): void {
  if (typeof value !== 'boolean') throw invalid(field, 'true or false', value);
}

export function checkList(field: string, value: unknown, checkItem: (field: string, item: unknown) => void): void {
  if (!Array.isArray(value)) throw invalid(field, 'an array', value);
  value.forEach((item, index) => checkItem(`${field}[${index}]`, item));
}

/** An object of known fields only, each present one with its check; the fields in `required` must be there. */
export function checkObject(
  field: string,
  value: unknown,
  checks: Readonly<Record<string, (field: string, value: unknown) => void>>,
  required: readonly string[] = [],
): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(field, 'an object', value);
  const prefix = field === '' ? '' : `${field}.`;
  const fields = value as Readonly<Record<string, unknown>>;
  for (const name of required) {
    if (fields[name] === undefined) throw invalid(`${prefix}${name}`, 'a value', undefined);
  }
  for (const [name, item] of Object.entries(fields)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) throw invalid(`${prefix}${name}`, `one of the fields ${Object.keys(checks).join(', ')}`, item);
    if (item !== undefined) check(`${prefix}${name}`, item);
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
