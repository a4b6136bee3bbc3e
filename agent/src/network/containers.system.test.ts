import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { resources, type ContainerInfo } from '@proffer/sdk/model';
import test from 'ava';
import { containerSpec } from '../containerizer/recorder.test-helper.js';
import { inside } from './network-helpers.test-helper.js';

const helper = fileURLToPath(new URL('../containerizer/agent-process.test-helper.js', import.meta.url));
const able = process.getuid?.() === 0 && existsSync('/usr/lib/cni/bridge') && existsSync('/usr/sbin/iptables-restore');
const asRoot = able ? test : test.skip;
const needs = able ? '' : ' (skipped: needs root, and the packages of npm run setup:test)';

interface Event {
  readonly type: string;
  readonly id: string;
  readonly pid: number;
  readonly ipAddresses?: readonly string[];
  readonly failure?: { readonly message: string };
}

asRoot(`whole containers: on the bridge with a published port, alone with a loopback, and refused${needs}`, async (t) => {
  const workDir = mkdtempSync(join(tmpdir(), 'proffer-containers-'));
  const spec = (id: string, value: string, container: ContainerInfo) => containerSpec(workDir, id, {
    command: { shell: true, value },
    container,
    resources: resources({ cpus: 0.5, mem: 64, ports: [31_000, 31_001] }),
  });
  const look = 'cat /etc/hosts /etc/hostname; grep : /proc/net/dev | cut -d: -f1';
  const specs = [
    spec('served', `${look}; echo hello > index.html; exec busybox httpd -f -p 8080`, {
      hostname: 'served', networks: [{ name: 'bridge', aliases: ['web'] }], portMappings: [{ hostPort: 31_000, containerPort: 8080 }],
    }),
    spec('alone', `${look}; sleep 60`, { hostname: 'alone', networks: [{ name: 'none' }] }),
    spec('strange', 'true', { networks: [{ name: 'bridge' }], portMappings: [{ hostPort: 80, containerPort: 80 }] }),
  ];
  const options = JSON.stringify({ agentName: `test-network-${process.pid}`, workDir, specs });
  const agent = spawn('unshare', ['-n', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', process.execPath, helper, options], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const network = `/proc/${agent.pid}/ns/net`;
  const events: Event[] = [];
  createInterface({ input: agent.stdout }).on('line', (line) => events.push(JSON.parse(line) as Event));
  const until = async (type: string, id: string): Promise<Event> => {
    for (let tries = 0; tries < 200; tries++) {
      const found = events.find((event) => event.type === type && event.id === id);
      if (found !== undefined) return found;
      await wait(50);
    }
    throw new Error(`no ${type} of ${id}: ${JSON.stringify(events)}`);
  };
  t.teardown(() => {
    agent.kill('SIGKILL');
    rmSync(workDir, { recursive: true, force: true });
  });

  const served = await until('started', 'served');
  const [address = ''] = served.ipAddresses ?? [];
  t.regex(address, /^10\.88\./);
  t.deepEqual((await until('started', 'alone')).ipAddresses, []);
  t.regex((await until('failed', 'strange')).failure!.message, /portMappings\[0\]\.hostPort: expected one of the task's ports, got 80/);
  await wait(500);
  t.is(inside(network, 'busybox timeout 5 busybox wget -q -O- http://127.0.0.1:31000/index.html'), 'hello');
  const output = readFileSync(join(workDir, 'sandboxes/served/stdout'), 'utf8');
  t.regex(output, new RegExp(`^${address}\tserved web$`, 'm'));
  t.regex(output, /^served\n +lo\n +eth0$/m, 'its own interfaces');
  t.regex(readFileSync(join(workDir, 'sandboxes/alone/stdout'), 'utf8'), /\talone\b[^]*^alone\n +lo\n$/m, 'a loopback and nothing else');

  for (const id of ['served', 'alone']) process.kill((await until('started', id)).pid, 'SIGKILL');
  const warnings = (): Event[] => events.filter(({ type }) => type === 'warning');
  await once(agent, 'exit');
  t.deepEqual(warnings(), []);
  t.false(existsSync(join(workDir, 'network/bridge.json')), 'the bridge went with the last container');
});
