import {
  addRanges,
  containsRanges,
  formatRanges,
  intersectRanges,
  isNormalRanges,
  NO_RANGES,
  normalizeRanges,
  parseRanges,
  subtractRanges,
  type Ranges,
} from './ranges.js';

/**
 * What an agent has, an offer holds out or a task uses.
 *
 * Scalars are whole numbers of 1/1000 ({@link SCALAR_UNIT}), so that adding and subtracting never drifts: 1.5 cpus is
 * `cpus: 1500`. `mem` and `disk` are in thousandths of a MiB. Ports are {@link Ranges}. Anything else an agent
 * declares is in `custom`, sorted by name. Values of this type are never changed in place.
 *
 * Write them as text (`parseResources('cpus:1.5;mem:128;ports:[31000-31001]')`) or as
 * `resources({ cpus: 1.5, mem: 128 })`; both take ordinary numbers.
 */
export interface Resources {
  readonly cpus: number;
  readonly mem: number;
  readonly disk: number;
  readonly gpus: number;
  readonly ports: Ranges;
  readonly custom: readonly CustomResource[];
}

/** A resource that an operator invented: a scalar in thousandths, ranges, or a set of names. */
export type CustomResource =
  | { readonly name: string; readonly scalar: number }
  | { readonly name: string; readonly ranges: Ranges }
  | { readonly name: string; readonly set: readonly string[] };

/** One whole unit of a scalar (1 cpu, 1 MiB, 1 gpu) in the integers that {@link Resources} holds. */
export const SCALAR_UNIT = 1000;

/** Largest scalar: 10^9 units. Sums over 100,000 agents stay exact in a double. */
export const SCALAR_MAX = 1e9 * SCALAR_UNIT;

const SCALARS = ['cpus', 'mem', 'disk', 'gpus'] as const;
const NAME = /^[a-z][a-z0-9_.-]{0,63}$/;
const NO_CUSTOM: readonly CustomResource[] = [];

export const NO_RESOURCES: Resources = { cpus: 0, mem: 0, disk: 0, gpus: 0, ports: NO_RANGES, custom: NO_CUSTOM };

/** Ordinary numbers (cpus 0.5, mem in MiB) for {@link resources}. */
export interface ResourceAmounts {
  readonly cpus?: number;
  readonly mem?: number;
  readonly disk?: number;
  readonly gpus?: number;
  /** Flat inclusive pairs, in any order. */
  readonly ports?: Ranges;
  readonly custom?: readonly CustomResource[];
}

/** A count of units as thousandths, rounded to the nearest. Throws RangeError unless finite, not negative and in bounds. */
export function scalar(value: number, name = 'scalar'): number {
  const thousandths = Math.round(value * SCALAR_UNIT);
  if (!Number.isFinite(value) || value < 0 || thousandths > SCALAR_MAX) {
    throw new RangeError(`${name} must be a number from 0 to ${SCALAR_MAX / SCALAR_UNIT}, got ${value}`);
  }
  return thousandths;
}

/** Resources from ordinary numbers. Throws RangeError naming the field. */
export function resources(amounts: ResourceAmounts): Resources {
  return {
    cpus: scalar(amounts.cpus ?? 0, 'cpus'),
    mem: scalar(amounts.mem ?? 0, 'mem'),
    disk: scalar(amounts.disk ?? 0, 'disk'),
    gpus: scalar(amounts.gpus ?? 0, 'gpus'),
    ports: amounts.ports === undefined ? NO_RANGES : normalizeRanges(amounts.ports),
    custom: amounts.custom === undefined ? NO_CUSTOM : normalizeCustom(amounts.custom),
  };
}

/** The sum of both. */
export function add(a: Resources, b: Resources): Resources {
  return {
    cpus: a.cpus + b.cpus,
    mem: a.mem + b.mem,
    disk: a.disk + b.disk,
    gpus: a.gpus + b.gpus,
    ports: addRanges(a.ports, b.ports),
    custom: b.custom.length === 0 ? a.custom : a.custom.length === 0 ? b.custom : addCustom(a.custom, b.custom),
  };
}

/** `a` without `b`, never below zero: what `b` has beyond `a` is ignored (ask {@link contains} first where it matters). */
export function subtract(a: Resources, b: Resources): Resources {
  return {
    cpus: a.cpus > b.cpus ? a.cpus - b.cpus : 0,
    mem: a.mem > b.mem ? a.mem - b.mem : 0,
    disk: a.disk > b.disk ? a.disk - b.disk : 0,
    gpus: a.gpus > b.gpus ? a.gpus - b.gpus : 0,
    ports: subtractRanges(a.ports, b.ports),
    custom: a.custom.length === 0 || b.custom.length === 0 ? a.custom : subtractCustom(a.custom, b.custom),
  };
}

/** True if all of `inner` is in `outer`. */
export function contains(outer: Resources, inner: Resources): boolean {
  return (
    outer.cpus >= inner.cpus &&
    outer.mem >= inner.mem &&
    outer.disk >= inner.disk &&
    outer.gpus >= inner.gpus &&
    (inner.ports.length === 0 || containsRanges(outer.ports, inner.ports)) &&
    (inner.custom.length === 0 || inner.custom.every((custom) => containsCustom(outer.custom, custom)))
  );
}

/** True if the two hold exactly the same. */
export function equals(a: Resources, b: Resources): boolean {
  return a === b || (contains(a, b) && contains(b, a));
}

/** True if nothing is in it. */
export function isEmpty(r: Resources): boolean {
  return r.cpus === 0 && r.mem === 0 && r.disk === 0 && r.gpus === 0 && r.ports.length === 0 && r.custom.length === 0;
}

/** True if the two share a port, an id of a custom range or a name of a custom set: things that exist once. */
export function overlaps(a: Resources, b: Resources): boolean {
  if (intersectRanges(a.ports, b.ports).length > 0) return true;
  return a.custom.some((x) => {
    const y = findCustom(b.custom, x.name);
    if (y === undefined) return false;
    if ('ranges' in x && 'ranges' in y) return intersectRanges(x.ranges, y.ranges).length > 0;
    return 'set' in x && 'set' in y && x.set.some((name) => y.set.includes(name));
  });
}

/** `count` times the scalars; ports and custom resources exist once and are left out. */
export function multiplyScalars(r: Resources, count: number): Resources {
  return {
    cpus: r.cpus * count,
    mem: r.mem * count,
    disk: r.disk * count,
    gpus: r.gpus * count,
    ports: NO_RANGES,
    custom: NO_CUSTOM,
  };
}

/**
 * Why these are not valid resources, or undefined if they are: what a border asks of data from outside. (The schema
 * has seen the types; this sees the values.)
 */
export function invalidResources(r: Resources): string | undefined {
  for (const name of SCALARS) {
    if (!validScalar(r[name])) return `${name} must be a whole number of thousandths from 0 to ${SCALAR_MAX}, got ${r[name]}`;
  }
  if (!isNormalRanges(r.ports)) return `ports must be sorted, disjoint, inclusive pairs, got ${JSON.stringify(r.ports)}`;
  let previous = '';
  for (const custom of r.custom) {
    if (!NAME.test(custom.name) || custom.name <= previous || isReserved(custom.name)) {
      return `custom resources are sorted by name, each a name of its own, got "${custom.name}"`;
    }
    previous = custom.name;
    const fault = invalidCustom(custom);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Reads Mesos' text form: `cpus:1.5;mem:128;ports:[31000-32000];licenses:{red,blue}`. Throws RangeError naming the part. */
export function parseResources(text: string): Resources {
  const amounts: { -readonly [K in keyof ResourceAmounts]: ResourceAmounts[K] } = {};
  const custom: CustomResource[] = [];
  const seen = new Set<string>();
  for (const part of text.split(';')) {
    if (part.trim() === '') continue;
    const match = /^\s*([^:\s]+)\s*:\s*(.+?)\s*$/.exec(part);
    const [, name = '', value = ''] = match ?? [];
    if (!match || !NAME.test(name)) throw new RangeError(`a resource looks like name:value, got "${part.trim()}"`);
    if (seen.has(name)) throw new RangeError(`resource "${name}" is given twice in "${text}"`);
    seen.add(name);
    if (name === 'ports') amounts.ports = parseRanges(value);
    else if (isScalarName(name)) amounts[name] = parseNumber(name, value);
    else custom.push(parseCustom(name, value));
  }
  return resources({ ...amounts, custom });
}

/** The text form; {@link parseResources} reads it back. Nothing at all is the empty string. */
export function formatResources(r: Resources): string {
  const parts: string[] = [];
  for (const name of SCALARS) if (r[name] !== 0) parts.push(`${name}:${r[name] / SCALAR_UNIT}`);
  if (r.ports.length > 0) parts.push(`ports:${formatRanges(r.ports)}`);
  for (const custom of r.custom) parts.push(`${custom.name}:${formatCustom(custom)}`);
  return parts.join(';');
}

/** The JSON people read: scalars as ordinary numbers, ranges and sets as text, as Mesos' `/state` shows them. */
export function resourcesToJson(r: Resources): Record<string, number | string> {
  const json: Record<string, number | string> = {};
  for (const name of SCALARS) json[name] = r[name] / SCALAR_UNIT;
  if (r.ports.length > 0) json['ports'] = formatRanges(r.ports);
  for (const custom of r.custom) {
    json[custom.name] = 'scalar' in custom ? custom.scalar / SCALAR_UNIT : formatCustom(custom);
  }
  return json;
}

function validScalar(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0 && value <= SCALAR_MAX;
}

function isScalarName(name: string): name is (typeof SCALARS)[number] {
  return (SCALARS as readonly string[]).includes(name);
}

function isReserved(name: string): boolean {
  return name === 'ports' || isScalarName(name);
}

function parseNumber(name: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new RangeError(`${name} must be a number like 2 or 0.5, got "${text}"`);
  return Number(text);
}

function parseCustom(name: string, text: string): CustomResource {
  if (text.startsWith('[')) return { name, ranges: parseRanges(text) };
  if (!text.startsWith('{')) return { name, scalar: scalar(parseNumber(name, text), name) };
  if (!text.endsWith('}')) throw new RangeError(`a set looks like {red,blue}, got "${text}" for ${name}`);
  const items = text.slice(1, -1).split(',').map((item) => item.trim());
  return { name, set: items.filter((item) => item !== '') };
}

function formatCustom(custom: CustomResource): string {
  if ('scalar' in custom) return String(custom.scalar / SCALAR_UNIT);
  return 'ranges' in custom ? formatRanges(custom.ranges) : `{${custom.set.join(',')}}`;
}

function invalidCustom(custom: CustomResource): string | undefined {
  if ('scalar' in custom) {
    if (!validScalar(custom.scalar) || custom.scalar === 0) {
      return `${custom.name} must be positive thousandths, got ${custom.scalar}`;
    }
  } else if ('ranges' in custom) {
    if (custom.ranges.length === 0 || !isNormalRanges(custom.ranges)) return `${custom.name} must be sorted, disjoint ranges`;
  } else if (custom.set.length === 0 || custom.set.some((item, i) => item === '' || (i > 0 && item <= custom.set[i - 1]!))) {
    return `${custom.name} must be a sorted set of names`;
  }
  return undefined;
}

/** Sorted by name, empty ones dropped. Throws RangeError for a bad name, a name given twice or a bad value. */
function normalizeCustom(list: readonly CustomResource[]): readonly CustomResource[] {
  const seen = new Set<string>();
  const normal: CustomResource[] = [];
  for (const custom of list) {
    const { name } = custom;
    if (!NAME.test(name) || isReserved(name)) throw new RangeError(`"${name}" is no name for a custom resource`);
    if (seen.has(name)) throw new RangeError(`custom resource "${name}" is given twice`);
    seen.add(name);
    if ('scalar' in custom && !validScalar(custom.scalar)) {
      throw new RangeError(`${name} must be whole thousandths, got ${custom.scalar}`);
    }
    const made: CustomResource =
      'scalar' in custom
        ? { name, scalar: custom.scalar }
        : 'ranges' in custom
          ? { name, ranges: normalizeRanges(custom.ranges) }
          : { name, set: [...new Set(custom.set)].sort() };
    if (!isEmptyCustom(made)) normal.push(made);
  }
  normal.sort((a, b) => (a.name < b.name ? -1 : 1));
  return normal.length === 0 ? NO_CUSTOM : normal;
}

function isEmptyCustom(custom: CustomResource): boolean {
  if ('scalar' in custom) return custom.scalar === 0;
  return 'ranges' in custom ? custom.ranges.length === 0 : custom.set.length === 0;
}

function findCustom(list: readonly CustomResource[], name: string): CustomResource | undefined {
  return list.find((custom) => custom.name === name);
}

function containsCustom(outer: readonly CustomResource[], inner: CustomResource): boolean {
  const found = findCustom(outer, inner.name);
  if (found === undefined) return false;
  if ('scalar' in inner) return 'scalar' in found && found.scalar >= inner.scalar;
  if ('ranges' in inner) return 'ranges' in found && containsRanges(found.ranges, inner.ranges);
  return 'set' in found && inner.set.every((item) => found.set.includes(item));
}

function addCustom(a: readonly CustomResource[], b: readonly CustomResource[]): readonly CustomResource[] {
  const out = a.map((x): CustomResource => {
    const y = findCustom(b, x.name);
    if (y === undefined) return x;
    if ('scalar' in x && 'scalar' in y) return { name: x.name, scalar: x.scalar + y.scalar };
    if ('ranges' in x && 'ranges' in y) return { name: x.name, ranges: addRanges(x.ranges, y.ranges) };
    if ('set' in x && 'set' in y) return { name: x.name, set: [...new Set([...x.set, ...y.set])].sort() };
    throw new RangeError(`resource "${x.name}" has different kinds on the two sides`);
  });
  for (const y of b) if (findCustom(a, y.name) === undefined) out.push(y);
  return out.sort((x, y) => (x.name < y.name ? -1 : 1));
}

function subtractCustom(a: readonly CustomResource[], b: readonly CustomResource[]): readonly CustomResource[] {
  const out: CustomResource[] = [];
  for (const x of a) {
    const y = findCustom(b, x.name);
    let left = x;
    if (y !== undefined && 'scalar' in x && 'scalar' in y) {
      left = { name: x.name, scalar: Math.max(0, x.scalar - y.scalar) };
    } else if (y !== undefined && 'ranges' in x && 'ranges' in y) {
      left = { name: x.name, ranges: subtractRanges(x.ranges, y.ranges) };
    } else if (y !== undefined && 'set' in x && 'set' in y) {
      left = { name: x.name, set: x.set.filter((item) => !y.set.includes(item)) };
    }
    if (!isEmptyCustom(left)) out.push(left);
  }
  return out.length === 0 ? NO_CUSTOM : out;
}
