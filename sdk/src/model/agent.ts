import { formatRanges, parseRanges } from './ranges.js';
import type { Resources } from './resources.js';

/**
 * What an operator says of a machine (`rack:r1;level:10;keys:[1-5]`).
 *
 * `value` is text in the canonical form in which constraints compare it: numbers with at most three decimals, ranges
 * as `[a-b,c-d]`, sets as `{a,b}`, both sorted.
 */
export interface Attribute {
  readonly name: string;
  readonly type: 'TEXT' | 'SCALAR' | 'RANGES' | 'SET';
  readonly value: string;
}

/** A machine as its agent reports it. */
export interface AgentInfo {
  /** How users reach tasks on this machine. */
  readonly hostname: string;
  /** The agent's HTTP address, as `host:port`. */
  readonly httpAddress: string;
  readonly resources: Resources;
  readonly attributes: readonly Attribute[];
  /** Version of the agent's software, for people. */
  readonly version: string;
}

const ATTRIBUTE_NAME = /^[A-Za-z0-9_@][A-Za-z0-9_@./-]{0,127}$/;

/** Reads `rack:r1;level:10;keys:[1-5];zones:{a,b}`. Throws RangeError naming the part. */
export function parseAttributes(text: string): Attribute[] {
  const attributes: Attribute[] = [];
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const colon = part.indexOf(':');
    const name = part.slice(0, Math.max(colon, 0)).trim();
    const value = part.slice(colon + 1).trim();
    if (colon < 0 || !ATTRIBUTE_NAME.test(name) || value === '') {
      throw new RangeError(`an attribute looks like name:value, got "${part.trim()}"`);
    }
    if (attributes.some((attribute) => attribute.name === name)) throw new RangeError(`attribute "${name}" is given twice`);
    attributes.push(parseAttribute(name, value));
  }
  return attributes;
}

function parseAttribute(name: string, value: string): Attribute {
  if (value.startsWith('[')) return { name, type: 'RANGES', value: formatRanges(parseRanges(value)) };
  if (value.startsWith('{') && value.endsWith('}')) {
    const items = value.slice(1, -1).split(',').map((item) => item.trim());
    return { name, type: 'SET', value: `{${[...new Set(items)].sort().join(',')}}` };
  }
  if (/^-?\d+(\.\d+)?$/.test(value)) return { name, type: 'SCALAR', value: String(Number(Number(value).toFixed(3))) };
  return { name, type: 'TEXT', value };
}
