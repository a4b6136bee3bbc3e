/** Text of a file that may be missing: the empty string then. */
export function textOf(content: string | number | undefined): string {
  return typeof content === 'string' ? content : '';
}

/** The number in a file of one value; `null` for `max`, for `-1`, and for a missing file. */
export function single(content: string | number | undefined): number | null {
  const text = textOf(content).trim();
  if (text === '' || text === 'max' || text === '-1') return null;
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}

/** The number behind a key in a file of `key value` lines; 0 where the key is missing. */
export function keyed(text: string, key: string): number {
  const start = text.startsWith(`${key} `) ? 0 : text.indexOf(`\n${key} `) + 1;
  if (start === 0 && !text.startsWith(`${key} `)) return 0;
  const from = start + key.length + 1;
  const end = text.indexOf('\n', from);
  return Number(end < 0 ? text.slice(from) : text.slice(from, end));
}
