import type { Attribute } from '@proffer/sdk/model';
import type { Constraint } from './app.js';

/** Where an instance runs, or might run. */
export interface Place {
  readonly hostname: string;
  readonly attributes: readonly Attribute[];
}

/** Why the place is not allowed beside the instances that are there already, or undefined if it is. */
export function constraintFault(constraints: readonly Constraint[], place: Place, others: readonly Place[]): string | undefined {
  const failed = constraints.find((constraint) => !satisfies(constraint, place, others));
  return failed === undefined ? undefined : failed.join(' ');
}

/**
 * Marathon's operators. A place without the attribute satisfies UNLIKE alone. Instances are counted by the value
 * that their own place has; GROUP_BY without a number takes every value that it sees.
 */
function satisfies([field, operator, value = '']: Constraint, place: Place, others: readonly Place[]): boolean {
  const here = valueAt(place, field);
  if (here === undefined) return operator === 'UNLIKE';
  const sameValue = (): number => others.filter((other) => valueAt(other, field) === here).length;
  switch (operator) {
    case 'UNIQUE':
      return sameValue() === 0;
    case 'CLUSTER': {
      const wanted = value === '' ? firstValue(others, field) : value;
      return wanted === undefined || here === wanted;
    }
    case 'IS':
      return normalize(here) === normalize(value);
    case 'LIKE':
      return fullMatch(value, here);
    case 'UNLIKE':
      return !fullMatch(value, here);
    case 'MAX_PER':
      return sameValue() < Number(value);
    case 'GROUP_BY':
      return fitsGroups(countByValue(others, field), here, Number(value === '' ? 0 : value));
    default:
      return operator satisfies never;
  }
}

/** A new value is welcome; a known one only when all wanted groups exist and it is the smallest of them. */
function fitsGroups(groups: ReadonlyMap<string, number>, here: string, wanted: number): boolean {
  const count = groups.get(here);
  if (count === undefined) return true;
  return groups.size >= wanted && count === Math.min(...groups.values());
}

/** How many instances have which value of a field. */
export function countByValue(places: readonly Place[], field: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const place of places) {
    const value = valueAt(place, field);
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

/** The value of `hostname`, `@hostname` or an attribute; undefined where the agent has none. */
export function valueAt(place: Place, field: string): string | undefined {
  if (field === 'hostname' || field === '@hostname') return place.hostname;
  return place.attributes.find(({ name }) => name === field)?.value;
}

function firstValue(places: readonly Place[], field: string): string | undefined {
  return places.length === 0 ? undefined : valueAt(places[0]!, field);
}

/** Numbers compare as numbers of three decimals. */
function normalize(text: string): string {
  return /^-?\d+(\.\d+)?$/.test(text) ? String(Number(Number(text).toFixed(3))) : text;
}

function fullMatch(pattern: string, text: string): boolean {
  return new RegExp(`^(?:${pattern})$`).test(text);
}

/** Why a constraint makes no sense, or undefined if it does. */
export function invalidConstraint([, operator, value]: Constraint): string | undefined {
  switch (operator) {
    case 'UNIQUE':
      return value === undefined ? undefined : `UNIQUE takes no value, got "${value}"`;
    case 'GROUP_BY':
      return value === undefined || /^\d+$/.test(value) ? undefined : `GROUP_BY takes a whole number or no value, got "${value}"`;
    case 'MAX_PER':
      return value !== undefined && /^\d+$/.test(value) ? undefined : `MAX_PER takes a whole number, got "${value ?? ''}"`;
    case 'LIKE':
    case 'UNLIKE':
      return value !== undefined && value !== '' && isPattern(value)
        ? undefined
        : `${operator} takes a regular expression, got "${value ?? ''}"`;
    case 'IS':
      return value !== undefined && /^[a-zA-Z0-9_/.-]*$/.test(value)
        ? undefined
        : `IS takes a text of letters, digits and _ / . -, got "${value ?? ''}"`;
    case 'CLUSTER':
      return undefined;
    default:
      return operator satisfies never;
  }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
