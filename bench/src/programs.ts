import { execFile } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const folder = fileURLToPath(new URL('../', import.meta.url));

/** No C library: the program is a few hundred bytes, and its start is the kernel's work alone. */
const BARE = ['-static', '-nostdlib', '-fno-stack-protector', '-Wl,--build-id=none'];

/** The programs in `bench/programs`, each with its own flags. */
const PROGRAMS = {
  true: BARE,
  wait: BARE,
  'time-command': ['-static'],
  workload: ['-static'],
} as const;

export type ProgramName = keyof typeof PROGRAMS;

/** Path of a compiled program of ours; compiled where that has not happened yet. Throws where there is no C compiler. */
export async function program(name: ProgramName): Promise<string> {
  const source = join(folder, 'programs', `${name}.c`);
  const target = join(folder, 'build', name);
  if (existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) return target;
  mkdirSync(join(folder, 'build'), { recursive: true });
  const temporary = `${target}.${process.pid}`;
  await run(process.env['CC'] ?? 'gcc', ['-O2', '-Wall', ...PROGRAMS[name], source, '-o', temporary]);
  renameSync(temporary, target);
  return target;
}

/** Directories that every container has empty ones of its own for. */
const HIDDEN_INSIDE = /^\/(var\/)?tmp\//;

let shown: string | undefined;

/** Path of a compiled program that containers on the host's root see too: a copy, until this process ends, where the repository is hidden. */
export async function programInside(name: ProgramName): Promise<string> {
  const path = await program(name);
  if (!HIDDEN_INSIDE.test(path)) return path;
  if (shown === undefined) {
    const directory = mkdtempSync('/var/lib/proffer-bench-');
    chmodSync(directory, 0o755);
    process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
    shown = directory;
  }
  copyFileSync(path, join(shown, name));
  return join(shown, name);
}

/** What a program of this machine prints on standard output; undefined where it is not installed. */
export async function outputOf(command: string, ...args: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(command, args)).stdout;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
