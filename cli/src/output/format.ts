const SECOND = 1000;
const UNITS = [
  ['d', 24 * 3600 * SECOND],
  ['h', 3600 * SECOND],
  ['m', 60 * SECOND],
  ['s', SECOND],
] as const;

/** How long ago, in the two largest units: `3d 4h`, `12s`. Both in milliseconds since 1970. */
export function age(since: number, now: number): string {
  let rest = Math.max(0, now - since);
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (unit === 's' && parts.length === 0)) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** `0.5/4`: what is used of what there is. */
export function ofTotal(used: number, total: number): string {
  return `${number(used)}/${number(total)}`;
}

/** At most three decimals and no trailing zeros. */
export function number(value: number): string {
  return String(Number(value.toFixed(3)));
}

/** `TASK_RUNNING` as `running`. */
export function shortState(state: string): string {
  return state.replace(/^TASK_/, '').toLowerCase().replaceAll('_', ' ');
}

/** `2 agents`, `1 agent`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
