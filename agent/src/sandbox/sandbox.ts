import { chmodSync, constants, lchownSync, mkdirSync } from 'node:fs';
import { lchown, open, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Who a sandbox is handed to; `undefined` leaves everything with the agent's own user (an agent that is not root). */
export interface SandboxOwner {
  readonly uid: number;
  readonly gid: number;
}

/** While the agent fills it nobody else may enter: then nobody can plant a link in the agent's way. */
const FILLING = 0o700;

/** The task's own: it writes, its group reads. */
const HANDED_OVER = 0o750;

/** Makes a container's sandbox, closed to everybody but the agent. Throws where the path exists: it is another container's. */
export function makeSandbox(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  try {
    mkdirSync(path, { mode: FILLING });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    throw new Error(`sandbox ${path}: exists already; every container needs a sandbox of its own`, { cause: error });
  }
}

/** Gives all that is in the sandbox to the task's user. Links are given, never followed. */
export async function giveContents(directory: string, owner: SandboxOwner): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) await giveContents(path, owner);
    await lchown(path, owner.uid, owner.gid);
  }
}

/** Gives the directory itself, after its contents: from now on the task's user may do there as it likes. */
export function handOver(path: string, owner: SandboxOwner | undefined): void {
  if (owner !== undefined) lchownSync(path, owner.uid, owner.gid);
  chmodSync(path, HANDED_OVER);
}

/**
 * Appends a sentence of the agent's to the sandbox's `stderr`, where people look first when a task did not start. Only
 * for a sandbox in which no process of the task runs. What cannot be written is dropped: the same sentence is in the status.
 */
export async function noteInSandbox(path: string, sentence: string, owner: SandboxOwner | undefined): Promise<void> {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
  try {
    const file = await open(join(path, 'stderr'), O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0o644);
    try {
      if (!(await file.stat()).isFile()) return;
      await file.write(`proffer: ${sentence}\n`);
      if (owner !== undefined) await file.chown(owner.uid, owner.gid);
    } finally {
      await file.close();
    }
  } catch {
    // The sandbox was never made, or the disk is full.
  }
}
