import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { probe } from '@proffer/isolator-native';
import test from 'ava';
import type { IsolationReport } from '../commands/check.js';

const proffer = fileURLToPath(new URL('../../bin/proffer.js', import.meta.url));
const root = process.getuid?.() === 0 && probe().mode === 'namespaces';
const asRoot = root ? test.serial : test.skip;
const NOBODY = 65534;

async function check(options: { readonly uid?: number } = {}): Promise<IsolationReport> {
  const ids = options.uid === undefined ? {} : { uid: options.uid, gid: options.uid };
  const { stdout } = await promisify(execFile)(process.execPath, [proffer, 'check', 'isolation', '--json'], ids);
  return JSON.parse(stdout) as IsolationReport;
}

function remains(): string[] {
  const directories = readdirSync(tmpdir()).filter((name) => name.startsWith('proffer-check-'));
  const cgroups = existsSync('/sys/fs/cgroup') ? readdirSync('/sys/fs/cgroup', { recursive: true, encoding: 'utf8' }) : [];
  return [...directories, ...cgroups.filter((path) => /\/check-\d+$/.test(path))];
}

/** Whether nobody can read this repository and run this Node at all. */
function nobodyCan(): boolean {
  try {
    execFileSync(process.execPath, [proffer, '--version'], { uid: NOBODY, gid: NOBODY, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

asRoot(`check isolation: the inside of a container differs from this machine, and nothing is left${root ? '' : ' (skipped: needs root)'}`, async (t) => {
  const before = remains();
  const { comparison, mode, features } = await check();
  t.is(mode, 'namespaces');
  const rows = new Map(comparison.map((row) => [row.name, row]));
  for (const name of ['processes', 'mounts', 'hostname', 'ipc objects', 'user', 'cgroup', 'capabilities', 'no new privileges']) {
    t.true(rows.get(name)?.own, name);
  }
  t.true(Number(rows.get('processes')!.container) < Number(rows.get('processes')!.host));
  t.is(rows.get('hostname')!.container, 'isolated');
  t.true(features.some(({ feature, available }) => feature === 'pid namespaces' && available));
  for (const { available, remedy } of features) t.true(available || remedy !== undefined);
  t.deepEqual(remains(), before);
});

const nobody = root && nobodyCan();
const asNobody = nobody ? test.serial : test.skip;
const why = root ? 'nobody cannot read this repository or run this Node' : 'needs root to become nobody';

asNobody(`check isolation works without root${nobody ? '' : ` (skipped: ${why})`}`, async (t) => {
  const before = remains();
  const { comparison, mode, features } = await check({ uid: NOBODY });
  t.not(mode, 'namespaces');
  t.is(comparison.find(({ name }) => name === 'user')?.host, String(NOBODY));
  t.true(features.some(({ available }) => !available), 'what root could do is named');
  t.deepEqual(remains(), before);
});
