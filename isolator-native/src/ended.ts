import type { Cgroup, Container, ExitStatus } from './types/index.js';

/** A container that had ended before this process looked at it. */
export class EndedContainer implements Container {
  readonly pid = 0;
  readonly initPid = 0;
  readonly id: string;
  readonly runtimeDir: string;
  readonly launchedAt: number;
  readonly status: ExitStatus;
  readonly exited: Promise<ExitStatus>;
  readonly cgroup: Cgroup | undefined;

  constructor(facts: {
    readonly id: string;
    readonly runtimeDir: string;
    readonly launchedAt: number;
    readonly status: ExitStatus;
    readonly cgroup: Cgroup | undefined;
  }) {
    this.id = facts.id;
    this.runtimeDir = facts.runtimeDir;
    this.launchedAt = facts.launchedAt;
    this.status = facts.status;
    this.exited = Promise.resolve(facts.status);
    this.cgroup = facts.cgroup;
  }

  kill(): boolean {
    return false;
  }

  async destroy(options: { readonly timeoutMs?: number } = {}): Promise<ExitStatus> {
    await this.cgroup?.remove(options);
    return this.status;
  }

  ref(): void {}

  unref(): void {}

  release(): void {}
}
