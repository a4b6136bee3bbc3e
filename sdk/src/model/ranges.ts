/**
 * Sets of integers as sorted, disjoint, inclusive ranges, kept flat: `[begin, end, begin, end, ...]`.
 *
 * Flat pairs are what travels on the wire and what the arithmetic works on; `[31000, 31004, 31010, 31010]` is
 * 31000 to 31004 and 31010. Every function expects and returns the normal form that {@link normalizeRanges} makes:
 * sorted by begin, never overlapping, never touching.
 */
export type Ranges = readonly number[];

export const NO_RANGES: Ranges = [];

/** Sorts and joins pairs of inclusive bounds. Throws RangeError for an odd count, a non-integer or `end < begin`. */
export function normalizeRanges(pairs: Ranges): Ranges {
  if (pairs.length % 2 !== 0) throw new RangeError(`ranges come in pairs of begin and end, got ${pairs.length} numbers`);
  const sorted: [number, number][] = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const begin = pairs[i]!;
    const end = pairs[i + 1]!;
    if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0 || end < begin) {
      throw new RangeError(`a range is two whole numbers 0 <= begin <= end, got ${begin}-${end}`);
    }
    sorted.push([begin, end]);
  }
  sorted.sort((a, b) => a[0] - b[0]);
  const joined: number[] = [];
  for (const [begin, end] of sorted) push(joined, begin, end);
  return joined.length === 0 ? NO_RANGES : joined;
}

/** True if the pairs are in the normal form that the functions of this file expect. */
export function isNormalRanges(pairs: Ranges): boolean {
  if (pairs.length % 2 !== 0) return false;
  for (let i = 0; i < pairs.length; i += 2) {
    const begin = pairs[i]!;
    const end = pairs[i + 1]!;
    if (!Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0 || end < begin) return false;
    if (i > 0 && begin <= pairs[i - 1]! + 1) return false;
  }
  return true;
}

/** How many integers the ranges hold. */
export function countRanges(ranges: Ranges): number {
  let count = 0;
  for (let i = 0; i < ranges.length; i += 2) count += ranges[i + 1]! - ranges[i]! + 1;
  return count;
}

/** The union of both. */
export function addRanges(a: Ranges, b: Ranges): Ranges {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (j >= b.length || (i < a.length && a[i]! <= b[j]!)) {
      push(out, a[i]!, a[i + 1]!);
      i += 2;
    } else {
      push(out, b[j]!, b[j + 1]!);
      j += 2;
    }
  }
  return out;
}

/** What is in `a` and not in `b`. */
export function subtractRanges(a: Ranges, b: Ranges): Ranges {
  if (a.length === 0 || b.length === 0) return a;
  const out: number[] = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let begin = a[i]!;
    const end = a[i + 1]!;
    while (j < b.length && b[j + 1]! < begin) j += 2;
    let k = j;
    while (k < b.length && b[k]! <= end) {
      if (b[k]! > begin) out.push(begin, b[k]! - 1);
      begin = b[k + 1]! + 1;
      k += 2;
    }
    if (begin <= end) out.push(begin, end);
  }
  return out.length === 0 ? NO_RANGES : out;
}

/** What is in both. */
export function intersectRanges(a: Ranges, b: Ranges): Ranges {
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const begin = Math.max(a[i]!, b[j]!);
    const end = Math.min(a[i + 1]!, b[j + 1]!);
    if (begin <= end) out.push(begin, end);
    if (a[i + 1]! < b[j + 1]!) i += 2;
    else j += 2;
  }
  return out.length === 0 ? NO_RANGES : out;
}

/** True if every integer of `inner` is in `outer`. */
export function containsRanges(outer: Ranges, inner: Ranges): boolean {
  let i = 0;
  for (let j = 0; j < inner.length; j += 2) {
    while (i < outer.length && outer[i + 1]! < inner[j]!) i += 2;
    if (i >= outer.length || outer[i]! > inner[j]! || outer[i + 1]! < inner[j + 1]!) return false;
  }
  return true;
}

/**
 * `count` integers of the ranges, or all of them if there are fewer: the lowest from `from` on, then, where these do not
 * reach, the lowest below it.
 */
export function takeRanges(ranges: Ranges, count: number, from = 0): Ranges {
  if (from > 0) {
    const above = takeRanges(intersectRanges(ranges, [from, Number.MAX_SAFE_INTEGER]), count);
    const left = count - countRanges(above);
    return left === 0 ? above : addRanges(takeRanges(intersectRanges(ranges, [0, from - 1]), left), above);
  }
  const out: number[] = [];
  let left = count;
  for (let i = 0; i < ranges.length && left > 0; i += 2) {
    const begin = ranges[i]!;
    const end = Math.min(ranges[i + 1]!, begin + left - 1);
    out.push(begin, end);
    left -= end - begin + 1;
  }
  return out.length === 0 ? NO_RANGES : out;
}

/** Each integer of the ranges, ascending. */
export function* eachInRanges(ranges: Ranges): Generator<number> {
  for (let i = 0; i < ranges.length; i += 2) {
    for (let n = ranges[i]!; n <= ranges[i + 1]!; n++) yield n;
  }
}

/** The text form Mesos uses: `[31000-31004,31010-31010]`. */
export function formatRanges(ranges: Ranges): string {
  const parts: string[] = [];
  for (let i = 0; i < ranges.length; i += 2) parts.push(`${ranges[i]}-${ranges[i + 1]}`);
  return `[${parts.join(',')}]`;
}

/** Reads `[31000-31004, 31010]`. Throws RangeError for anything else. */
export function parseRanges(text: string): Ranges {
  const inside = /^\s*\[(.*)\]\s*$/.exec(text)?.[1];
  if (inside === undefined) throw new RangeError(`ranges look like [31000-32000,33000-33000], got "${text}"`);
  const pairs: number[] = [];
  for (const part of inside.split(',')) {
    if (part.trim() === '' && inside.trim() === '') continue;
    const match = /^\s*(\d+)\s*(?:-\s*(\d+)\s*)?$/.exec(part);
    if (!match) throw new RangeError(`a range looks like 31000-32000, got "${part.trim()}" in "${text}"`);
    pairs.push(Number(match[1]), Number(match[2] ?? match[1]));
  }
  return normalizeRanges(pairs);
}

/** Appends a range whose begin is not below that of the last one, joining the two where they meet. */
function push(out: number[], begin: number, end: number): void {
  const last = out.length - 1;
  if (last >= 0 && begin <= out[last]! + 1) {
    if (end > out[last]!) out[last] = end;
  } else {
    out.push(begin, end);
  }
}
