import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { createContainerizer, type ContainerExit, type ContainerFailure, type MachineContainerizer } from '@proffer/agent/containerizer';
import { resources, type ContainerInfo } from '@proffer/sdk/model';
import { CliError } from '../errors.js';

/** What a look from inside a container brought. */
export interface LookInside {
  readonly output: string;
  readonly mode: MachineContainerizer['mode'];
  /** What agents on this machine go without. */
  readonly missing: MachineContainerizer['missing'];
  /** Wishes that the container had to do without, and why. */
  readonly withheld: readonly { readonly wish: string; readonly reason: string }[];
}

type Wishes = Pick<ContainerInfo, 'hostname' | 'networks' | 'linux'>;
type End = { readonly exit: ContainerExit } | { readonly failure: ContainerFailure };

/** Everything of its own: what is refused is taken back, one wish after the other. */
const WISHES = ['linux.timeOffsetSeconds', 'linux.userNamespace', 'networks', 'hostname'] as const;

type Wish = (typeof WISHES)[number];

/** All wishes but those that were refused. */
function wishesBut(withheld: readonly { readonly wish: string }[]): Wishes {
  const has = (name: Wish): boolean => !withheld.some(({ wish }) => wish === name);
  return {
    ...(has('hostname') ? { hostname: 'isolated' } : {}),
    ...(has('networks') ? { networks: [{ name: 'none' }] } : {}),
    linux: {
      ...(has('linux.userNamespace') ? { userNamespace: true } : {}),
      ...(has('linux.timeOffsetSeconds') ? { timeOffsetSeconds: 1000 } : {}),
    },
  };
}

/** Runs a shell script in one short container, made as an agent makes its own, and removes everything again. */
export async function lookInside(script: string): Promise<LookInside> {
  const workDir = realpathSync(mkdtempSync(join(tmpdir(), 'proffer-check-')));
  const ends = new Ends();
  let containerizer: MachineContainerizer | undefined;
  try {
    containerizer = createContainerizer({
      agentName: `check-${process.pid}`,
      workDir,
      handlers: {
        onProgress: () => undefined,
        onStarted: () => undefined,
        onFailed: (id, failure) => ends.add(id, { failure }),
        onExited: (id, exit) => ends.add(id, { exit }),
      },
    });
    const { mode, missing } = containerizer;
    return { mode, missing, ...(await ask(containerizer, ends, workDir, script)) };
  } finally {
    await containerizer?.close();
    rmSync(workDir, { recursive: true, force: true });
  }
}

async function ask(
  containerizer: MachineContainerizer,
  ends: Ends,
  workDir: string,
  script: string,
): Promise<Pick<LookInside, 'output' | 'withheld'>> {
  const withheld: { wish: string; reason: string }[] = [];
  for (let attempt = 0; ; attempt++) {
    const containerId = `look-${attempt}`;
    const sandbox = join(workDir, 'sandboxes', containerId);
    const ended = ends.of(containerId);
    containerizer.launch({
      containerId, frameworkId: 'check', taskId: 'check', sandbox, command: { shell: true, value: script },
      environment: [], resources: resources({ cpus: 1, mem: 64 }), container: wishesBut(withheld),
    });
    // The container alone does not keep this process alive.
    const alive = setInterval(() => undefined, 60_000);
    const end = await ended.finally(() => clearInterval(alive));
    containerizer.forget(containerId);
    if ('exit' in end) return { output: outputOf(end.exit, sandbox), withheld };
    const left = WISHES.filter((wish) => !withheld.some((one) => one.wish === wish));
    const refused = left.find((wish) => end.failure.message.includes(wish)) ?? left[0];
    if (refused === undefined) throw new CliError(`no container can be started here: ${end.failure.message}`);
    withheld.push({ wish: refused, reason: end.failure.message });
  }
}

function outputOf(exit: ContainerExit, sandbox: string): string {
  if (exit.code !== 0) throw new CliError(`the container that looks around came to a bad end: ${JSON.stringify(exit)}`);
  return readFileSync(join(sandbox, 'stdout'), 'utf8');
}

/** How containers ended, for those who wait for one. */
class Ends {
  readonly #waiting = new Map<string, (end: End) => void>();

  of(id: string): Promise<End> {
    return new Promise((resolve) => this.#waiting.set(id, resolve));
  }

  add(id: string, end: End): void {
    this.#waiting.get(id)?.(end);
  }
}
