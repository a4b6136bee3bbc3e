import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory that goes when the test is over. */
export function temporaryDirectory(t: { teardown(fn: () => void): void }): string {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-containerizer-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}
