import { spawn } from 'node:child_process';

/** A program off the hot path: what it reads, and what is kept of what it writes. */
export interface Program {
  readonly file: string;
  readonly arguments?: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
  readonly timeoutMs: number;
}

export interface ProgramResult {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Results and messages of plugins take a few KiB. */
const OUTPUT_BYTES_MAX = 1 << 20;

/** Programs at once on one agent: more would only wait for the same locks of the kernel. */
const PROGRAMS_AT_ONCE_MAX = 4;

let running = 0;
const waiting: (() => void)[] = [];

/** Runs it to its end; rejects where it cannot be started, or is killed because it takes longer than it may. */
export async function runProgram(program: Program): Promise<ProgramResult> {
  if (running >= PROGRAMS_AT_ONCE_MAX) await new Promise<void>((resolve) => waiting.push(resolve));
  else running += 1;
  try {
    return await run(program);
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next();
  }
}

function run({ file, arguments: args = [], environment, input, timeoutMs }: Program): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, [...args], { env: environment, stdio: ['pipe', 'pipe', 'pipe'], cwd: '/' });
    const texts = { output: '', errors: '' };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    const collect = (name: keyof typeof texts) => (chunk: string): void => {
      if (texts[name].length < OUTPUT_BYTES_MAX) texts[name] += chunk;
    };
    child.stdout.setEncoding('utf8').on('data', collect('output'));
    child.stderr.setEncoding('utf8').on('data', collect('errors'));
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (late) reject(new Error(`it did not end within ${timeoutMs / 1000} s and was killed`));
      else resolve({ code, ...texts });
    });
    // A program may end without reading what it was given.
    child.stdin.on('error', () => undefined).end(input);
  });
}
