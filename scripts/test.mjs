#!/usr/bin/env node
/**
 * Runs the compiled tests with AVA and ends with one counting line: `N passed, N failed, N skipped`.
 *
 *   npm test [-- files...]            unit tests, the simulator, one end-to-end run
 *   npm run test:system [-- files...] what needs the kernel, root or servers
 *
 * A skipped test says why in its title. `--list-passed` names each test that passed, with its time.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);
const system = args.includes('--system');
const listPassed = args.includes('--list-passed');
const files = args.filter((arg) => !arg.startsWith('--'));

const counts = { passed: 0, failed: 0, skipped: 0 };
const skipped = [];
/** The YAML block behind a failed test is shown as it is. */
let inFailure = false;

const ava = join(root, 'node_modules/ava/entrypoints/cli.mjs');
const config = system ? 'ava.system.config.js' : 'ava.config.js';
const child = spawn(process.execPath, [ava, '--tap', '--config', config, ...files], {
  cwd: root,
  stdio: ['ignore', 'pipe', 'inherit'],
  env: { ...process.env, NODE_ENV: 'test' },
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
createInterface({ input: child.stdout }).on('line', readLine);
child.on('close', (code, signal) => {
  for (const title of skipped) console.log(`skipped: ${title}`);
  // A crash of AVA itself must not look like success.
  if (code !== 0 && counts.failed === 0) {
    console.log(`the test runner ended with ${signal ?? `exit code ${code}`} without naming a failed test`);
    counts.failed++;
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  process.exitCode = counts.failed === 0 && counts.passed > 0 ? 0 : 1;
});

function readLine(line) {
  const result = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO).*)?$/.exec(line);
  if (result === null) {
    if (inFailure || !/^(TAP version|1\.\.|\s*---|\s*\.\.\.|# |\s*$|\s+duration_ms)/.test(line)) console.log(line);
    return;
  }
  const [, not, title, directive] = result;
  inFailure = false;
  if (directive !== undefined) {
    counts.skipped++;
    skipped.push(title);
  } else if (not !== undefined) {
    counts.failed++;
    inFailure = true;
    console.log(`FAILED: ${title}`);
  } else {
    counts.passed++;
    if (listPassed) console.log(`passed: ${title}`);
  }
}
