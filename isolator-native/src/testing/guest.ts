import { execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const guestDirectory = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'guest');

/** Enough for node, a test runner and a few containers. */
const MEMORY_MIB = 1024;

/** What ran in the guest. */
export interface GuestResult {
  readonly exitCode: number;
  /** Standard output and standard error, as they came. */
  readonly output: string;
}

/** One shell command for {@link runInGuest}. */
export interface GuestCommand {
  /** Runs as root by /bin/sh, with the host's files read-only, own /tmp and /run, and cgroup v2 alone on /sys/fs/cgroup. */
  readonly command: string;
  /** From start to power-off; booting takes one to two seconds of it. */
  readonly timeoutMs: number;
}

/** Why a guest cannot be run here, or undefined where it can. */
export function guestUnavailable(): string | undefined {
  if (process.platform !== 'linux' || process.arch !== 'x64') return 'user-mode linux is for x86-64 Linux';
  const missing = ['linux.uml', 'busybox', 'gcc'].find((program) => !installed(program));
  return missing === undefined ? undefined : `${missing} is not installed; as root on Debian: npm run setup:test`;
}

/**
 * Boots a user-mode-linux kernel whose controllers are all on cgroup v2, runs one command in it and powers it off.
 * Rejects when the guest did not get as far as the command's end, with what its console said.
 */
export async function runInGuest({ command, timeoutMs }: GuestCommand): Promise<GuestResult> {
  const share = mkdtempSync(join(tmpdir(), 'isolator-guest-'));
  try {
    execFileSync(join(guestDirectory, 'build.sh'), [join(share, 'xstate.so')]);
    writeFileSync(join(share, 'command'), command);
    const console = await boot(share, timeoutMs);
    const exitCode = readOr(join(share, 'exit'));
    const output = readOr(join(share, 'output')) ?? '';
    if (exitCode === undefined) throw new Error(`the guest ended before its command did; console: ${console}\noutput: ${output}`);
    return { exitCode: Number(exitCode), output };
  } finally {
    rmSync(share, { recursive: true, force: true });
  }
}

/** Settles when the guest has powered off; gives what its console said. */
function boot(share: string, timeoutMs: number): Promise<string> {
  const options = [
    `mem=${MEMORY_MIB}M`, 'rootfstype=hostfs', 'rootflags=/', 'ro', `init=${join(guestDirectory, 'init.sh')}`,
    'con=null', 'con0=fd:0,fd:1', 'quiet', 'cgroup_no_v1=all', `uml_dir=${share}/`, `GUEST_SHARE=${share}`,
    `GUEST_REPOSITORY=${dirname(dirname(guestDirectory))}`,
  ];
  // A group of its own: the guest's processes are processes of the host, and all must end with it.
  const guest = spawn('linux.uml', options, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LD_PRELOAD: join(share, 'xstate.so') },
  });
  return new Promise((resolve, reject) => {
    let console = '';
    const kill = () => void (guest.pid !== undefined && process.kill(-guest.pid, 'SIGKILL'));
    const timer = setTimeout(() => {
      const output = readOr(join(share, 'output')) ?? '';
      reject(new Error(`the guest did not power off within ${timeoutMs} ms; console: ${console}\noutput: ${output}`));
      kill();
    }, timeoutMs);
    for (const stream of [guest.stdout, guest.stderr]) stream.on('data', (chunk: Buffer) => (console += chunk.toString('utf8')));
    process.once('exit', kill);
    guest.once('error', reject);
    guest.once('close', () => {
      clearTimeout(timer);
      process.off('exit', kill);
      resolve(console);
    });
  });
}

function installed(program: string): boolean {
  const directories = `${process.env['PATH'] ?? ''}:/usr/bin:/bin`.split(':');
  return directories.some((directory) => isExecutable(join(directory, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
