const LEVELS: Readonly<Record<number, string>> = { 10: 'trace', 20: 'debug', 30: 'info', 40: 'WARN', 50: 'ERROR', 60: 'FATAL' };

/** Shown in their own place, or of no use to a reader at a terminal. */
const OWN_PLACE: ReadonlySet<string> = new Set(['level', 'time', 'name', 'msg', 'err', 'pid', 'hostname']);

/** A line of pino's, and whatever its writer added. */
interface LogEntry {
  readonly time: number;
  readonly level: number;
  readonly name: string;
  readonly msg?: string;
  readonly err?: { readonly message: string; readonly stack?: string };
  readonly [key: string]: unknown;
}

/** `12:00:01.123 info  master: agent registered agentId=a1`, and an error's stack on the lines below. */
export function readableLine(json: string): string {
  let entry: LogEntry;
  try {
    entry = JSON.parse(json);
  } catch {
    return json;
  }
  const time = new Date(entry.time).toISOString().slice(11, 23);
  const level = (LEVELS[entry.level] ?? String(entry.level)).padEnd(5);
  let line = `${time} ${level} ${entry.name}: ${entry.msg ?? ''}`;
  for (const [key, value] of Object.entries(entry)) {
    if (!OWN_PLACE.has(key)) line += ` ${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`;
  }
  if (entry.err !== undefined) line += `\n  ${(entry.err.stack ?? entry.err.message).replaceAll('\n', '\n  ')}`;
  return `${line}\n`;
}
