import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';
import { guestUnavailable, runInGuest } from './testing/guest.js';

/** Node is several times slower in the guest, and the machine may be busy. */
const TIMEOUT_MS = 240_000;

const compiled = dirname(fileURLToPath(import.meta.url));
const repository = dirname(dirname(compiled));

interface GuestTest {
  readonly title: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What the runner said about a failure. */
  readonly details: string;
}

/** The same compiled tests that run on this machine's own cgroups, except this file. */
function testFiles(): string[] {
  return readdirSync(compiled, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.system.test.js') && !name.startsWith('guest.'))
    .map((name) => relative(repository, join(compiled, name)));
}

/** The root is read-only in the guest, and the runner wants to write its cache. */
function guestCommand(files: readonly string[]): string {
  const cache = join(repository, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  return [
    `cd '${repository}' && mount -t tmpfs tmpfs '${cache}' || exit 1`,
    `exec node node_modules/ava/entrypoints/cli.mjs --tap --timeout=200s --config ava.system.config.js ${files.join(' ')}`,
  ].join('\n');
}

/** TAP: `ok 1 - title`, `not ok 2 - title` and then the details, indented; `# SKIP` behind a skipped one. */
function parseTap(output: string): GuestTest[] {
  const results: { title: string; outcome: GuestTest['outcome']; details: string }[] = [];
  for (const line of output.split('\n')) {
    const [, not, title, skip] = /^(not )?ok \d+ - (.*?)( # (?:SKIP|TODO).*)?$/.exec(line) ?? [];
    const ended = not === undefined ? 'passed' : 'failed';
    if (title !== undefined) results.push({ title, outcome: skip === undefined ? ended : 'skipped', details: '' });
    else if (/^\s/.test(line) && results.length > 0) results[results.length - 1]!.details += `${line}\n`;
  }
  return results;
}

const unavailable = guestUnavailable();

if (unavailable !== undefined) {
  test.skip(`cgroup v2: the system tests pass in a guest (skipped: ${unavailable})`, () => {});
} else {
  // Booted while this file loads, so that every test of the guest is one of this file's tests.
  const { exitCode, output } = await runInGuest({ command: guestCommand(testFiles()), timeoutMs: TIMEOUT_MS });
  const results = parseTap(output);

  test('cgroup v2: the guest ran the system tests to their end', (t) => {
    t.true(results.some(({ outcome }) => outcome === 'passed'), output);
    t.regex(output, /^1\.\.\d+$/m, output);
    t.is(exitCode === 0, results.every(({ outcome }) => outcome !== 'failed'), output);
  });

  for (const { title, outcome, details } of results) {
    const name = `cgroup v2: ${title}`;
    if (outcome === 'skipped') test.skip(name, () => {});
    else test(name, (t) => (outcome === 'passed' ? t.pass() : t.fail(`failed in the guest:\n${details}`)));
  }
}
