import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Waits until no plugin works any more for these containers: one that an agent started before it died goes on, and would
 * do after the clean-up what was just undone. False when one still works after `timeoutMs`.
 */
export async function awaitStragglers(cniIds: ReadonlySet<string>, timeoutMs: number): Promise<boolean> {
  for (let waited = 0; waited <= timeoutMs; waited += POLL_MS) {
    if (!isAnybodyAtWork(cniIds)) return true;
    await sleep(POLL_MS);
  }
  return false;
}

function isAnybodyAtWork(cniIds: ReadonlySet<string>): boolean {
  return readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const variables = readFileSync(`/proc/${name}/environ`, 'latin1').split('\0');
      const id = variables.find((variable) => variable.startsWith('CNI_CONTAINERID='))?.slice('CNI_CONTAINERID='.length);
      return id !== undefined && cniIds.has(id);
    } catch {
      return false;
    }
  });
}
