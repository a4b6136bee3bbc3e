import { readFileSync, readdirSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as wait } from 'node:timers/promises';
import { probe } from '@proffer/isolator-native';
import test, { type ExecutionContext } from 'ava';
import { neverRan, TortureMaster } from './torture-master.test-helper.js';
import { randomOf, torturedTask } from './torture-tasks.test-helper.js';

const CONTAINERS = 1000;
/** So many are under way at once. */
const AT_ONCE = 40;
/** With this one the same tasks come in the same order again. */
const seed = Number(process.env['PROFFER_TORTURE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));

const root = process.getuid?.() === 0 && probe().mode === 'namespaces';
const asRoot = root ? test.serial : test.skip;

asRoot(`torture: ${CONTAINERS} containers end in every way while the agent is killed every few seconds${root ? '' : ' (skipped: needs root)'}`, async (t) => {
  t.timeout(240_000);
  t.log(`PROFFER_TORTURE_SEED=${seed}`);
  const random = randomOf(seed);
  const workDir = mkdtempSync(join(tmpdir(), 'proffer-torture-'));
  const master = new TortureMaster(workDir);
  t.teardown(async () => {
    await master.close();
    rmSync(workDir, { recursive: true, force: true });
  });
  await master.open();
  await master.startAgent();
  const descriptors = openDescriptors(master.agentPid);
  let over = false;
  const killing = killAgain(master, randomOf(seed + 1), () => over);
  for (let started = 0; master.ended < CONTAINERS; await master.nextEnd()) {
    while (started < CONTAINERS && started - master.ended < AT_ONCE) master.launch(torturedTask(started++, random));
  }
  over = true;
  await killing;

  t.deepEqual(master.faults.slice(0, 10), [], `${master.faults.length} ends were not told as they were; seed ${seed}`);
  t.true(master.agentStarts > 3, 'the agent was killed a few times');
  runOnce(t, master, workDir);
  await settles(t, 'descriptors of the agent', () => Math.max(0, openDescriptors(master.agentPid) - descriptors), 0);
  t.is(await master.endAgent('SIGUSR1'), 0);
  nothingLeft(t, workDir);
  t.log(`${master.agentStarts} agent processes, ${dropped(master)} tasks dropped before they ran`);
});

/** Every now and then the agent dies in the middle of everything, and another comes. */
async function killAgain(master: TortureMaster, random: () => number, isOver: () => boolean): Promise<void> {
  for (;;) {
    await wait(1500 + random() * 2500);
    if (isOver()) return;
    await master.endAgent('SIGKILL');
    await master.startAgent();
  }
}

function openDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** One line for each task that ran, and none for one that was dropped. */
function runOnce(t: ExecutionContext, master: TortureMaster, workDir: string): void {
  const wrong: string[] = [];
  for (const [taskId, record] of master.records) {
    const [end] = record.ends.values();
    const directory = join(workDir, 'sandboxes', 'f', taskId);
    const marks = existsSync(directory) ? readdirSync(directory).map((container) => marksIn(join(directory, container))) : [];
    const times = marks.reduce((sum, one) => sum + one, 0);
    if (times !== (neverRan(end!, record) ? 0 : 1)) wrong.push(`${taskId} ran ${times} times and ended as ${end!.state}: ${end!.message ?? ''}`);
  }
  t.deepEqual(wrong, []);
}

function marksIn(sandbox: string): number {
  const mark = join(sandbox, 'ran');
  return existsSync(mark) ? readFileSync(mark, 'utf8').split('\n').length - 1 : 0;
}

function nothingLeft(t: ExecutionContext, workDir: string): void {
  const cgroup = `agent-${createHash('sha256').update(workDir).digest('hex').slice(0, 12)}`;
  const cgroups = readdirSync('/sys/fs/cgroup', { recursive: true, encoding: 'utf8' }).filter((path) => path.includes(cgroup));
  t.deepEqual(cgroups, [], 'no cgroup is left');
  t.deepEqual(readdirSync(join(workDir, 'run', 'containers')).filter((name) => name !== '.boot'), [], 'no container is left');
  t.deepEqual(processesOf(workDir), [], 'no process is left');
  t.false(readFileSync('/proc/mounts', 'utf8').includes(workDir), 'no mount is left');
}

/** Processes that name the work directory, or that see one of its sandboxes mounted: whatever a container left behind. */
function processesOf(workDir: string): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) return false;
    try {
      const environment = readFileSync(`/proc/${name}/cmdline`, 'utf8') + readFileSync(`/proc/${name}/mountinfo`, 'utf8');
      return environment.includes(workDir);
    } catch {
      return false;
    }
  });
}

async function settles(t: ExecutionContext, what: string, read: () => number, expected: number): Promise<void> {
  for (let tries = 0; tries < 50 && read() !== expected; tries++) await wait(100);
  t.is(read(), expected, what);
}

function dropped(master: TortureMaster): number {
  return [...master.records.values()].filter((record) => [...record.ends.values()].some((end) => neverRan(end, record))).length;
}
