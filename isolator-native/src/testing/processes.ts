import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Cgroup } from '../types/cgroups.js';

/** A shell started inside a cgroup. */
export interface Inside {
  readonly pid: number;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null; readonly output: string }>;
}

/** Runs a shell script that is in all of the cgroup's directories before its first command. */
export function runInside(cgroup: Pick<Cgroup, 'directories'>, script: string): Inside {
  const join = 'for directory in "$@"; do echo 0 > "$directory/cgroup.procs" || exit 99; done';
  const shellArguments = ['-c', `${join}\n${script}`, 'sh', ...cgroup.directories];
  const child = spawn('/bin/sh', shellArguments, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const ended = new Promise<Awaited<Inside['ended']>>((resolve, reject) => {
    child.once('error', reject);
    // Not `close`: children that were left behind may hold the pipes.
    child.once('exit', (code, signal) => setImmediate(() => resolve({ code, signal, output })));
  });
  return { pid: child.pid ?? 0, ended };
}

/** Waits for something the kernel does in its own time. */
export async function until(what: string, condition: () => boolean, timeoutMs = 20_000): Promise<void> {
  for (const deadline = performance.now() + timeoutMs; !condition(); await sleep(5)) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
  }
}
