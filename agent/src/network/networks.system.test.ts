import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { Conversation, inside } from './network-helpers.test-helper.js';

const helper = fileURLToPath(new URL('networks-process.test-helper.js', import.meta.url));
const lacking = [
  ...(process.getuid?.() === 0 ? [] : ['root']),
  ...(existsSync('/usr/lib/cni/bridge') ? [] : ['containernetworking-plugins, see npm run setup:test']),
  ...(existsSync('/usr/sbin/iptables-restore') ? [] : ['iptables, see npm run setup:test']),
];
const withPlugins = lacking.length === 0 ? test.serial : test.skip;
const needs = lacking.length === 0 ? '' : ` (skipped: needs ${lacking.join(', ')})`;

interface Attached {
  readonly namespace: string;
  readonly addresses: readonly [string, ...string[]];
}

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-networks-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function attach(containerId: string, more: object = {}, ports: object[] = []): object {
  const wish = { kind: 'networks', networks: [{ name: 'bridge', ...more }], ports };
  return { call: 'attach', member: { containerId, hostname: `${containerId}-host`, names: [] }, wish };
}

function count(directory: string, name: string): number {
  return existsSync(join(directory, name)) ? readdirSync(join(directory, name)).length : 0;
}

function page(t: ExecutionContext, directory: string, network: string): Promise<void> {
  const root = join(directory, 'page');
  mkdirSync(root, { recursive: true });
  writeFileSync(join(root, 'index.html'), 'hello\n');
  const server = spawn('nsenter', [`--net=${network}`, 'busybox', 'httpd', '-f', '-p', '80', '-h', root], { stdio: 'ignore' });
  t.teardown(async () => {
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  });
  return wait(300);
}

const get = (from: string, address: string): string => inside(from, `busybox timeout 5 busybox wget -q -O- http://${address}/`);

withPlugins(`the bridge: published ports from everywhere, names, rates, and nothing left at the end${needs}`, async (t) => {
  const directory = directoryOf(t);
  const agent = new Conversation(helper, [directory], undefined);
  t.teardown(() => agent.end());
  const one = await agent.ask<Attached>(attach('one', { aliases: ['db'] }, [{ hostPort: 31_000, containerPort: 80 }]));
  const two = await agent.ask<Attached>(attach('two', { labels: [['bandwidth.egressRate', '8000000']] }));
  await page(t, directory, one.namespace);
  const gateway = one.addresses[0].replace(/\d+$/, '1');
  t.is(get(agent.network, '127.0.0.1:31000'), 'hello', 'from the host by the loopback');
  t.is(get(agent.network, `${gateway}:31000`), 'hello', 'from the host by its own address');
  t.is(get(two.namespace, one.addresses[0]), 'hello', 'from a neighbour');
  t.is(get(two.namespace, `${gateway}:31000`), 'hello', 'from a neighbour by the published port');
  t.is(get(one.namespace, `${gateway}:31000`), 'hello', 'from itself by the published port');
  t.is(get(one.namespace, '127.0.0.1'), 'hello', 'the loopback is up');
  t.deepEqual(await agent.ask({ call: 'check', containerId: 'one' }), {});
  await wait(100);
  for (const id of ['one', 'two']) {
    const hosts = readFileSync(join(directory, 'files', id, 'hosts'), 'utf8');
    t.regex(hosts, new RegExp(`^${one.addresses[0]}\tone-host db$`, 'm'));
    t.regex(hosts, new RegExp(`^${two.addresses[0]}\ttwo-host$`, 'm'));
  }
  t.is(readFileSync(join(directory, 'files/one/hostname'), 'utf8'), 'one-host\n');
  t.regex((await agent.ask(attach('three', { ipAddress: one.addresses[0] }))).error!, /network bridge: plugin bridge ADD: .*address/);
  t.regex((await agent.ask({ ...attach('four'), wish: { kind: 'networks', networks: [{ name: 'nowhere' }], ports: [] } })).error!, /no network "nowhere"/);

  for (const containerId of ['one', 'two', 'three', 'four']) await agent.ask({ call: 'detach', containerId });
  t.deepEqual(await agent.ask({ call: 'close' }), {});
  for (const name of ['attachments', 'namespaces', 'leases', 'files']) t.is(count(directory, name), 0, name);
  t.is(inside(agent.network, 'ip -o link | grep -v " lo:"'), '');
  t.is(inside(agent.network, 'iptables-save | grep -i proffer'), '');
});

withPlugins(`kill -9 in the middle of ADD, of a start, with containers: what nobody knows goes, the rest goes on${needs}`, async (t) => {
  const directory = directoryOf(t);
  // Holds the network namespace while agents come and go.
  const holder = new Conversation(helper, [join(directory, 'holder')], undefined);
  t.teardown(() => holder.end());
  await holder.ask({ call: 'detach', containerId: 'nobody' });
  for (const delay of [5, 25, 60]) {
    const agent = new Conversation(helper, [directory], holder.network);
    await agent.ask({ call: 'retain', containerIds: ['kept'] });
    if (delay === 5) await agent.ask(attach('kept', {}, [{ hostPort: 31_000, containerPort: 80 }]));
    await agent.ask(attach('unknown', {}, [{ hostPort: 31_001, containerPort: 80 }]));
    for (let n = 0; n < 8; n++) agent.say(attach(`half-${n}`));
    await wait(delay);
    await agent.end();
  }
  const agent = new Conversation(helper, [directory], holder.network);
  t.teardown(() => agent.end());
  t.deepEqual(await agent.ask({ call: 'retain', containerIds: ['kept'] }), {});
  for (const name of ['attachments', 'namespaces']) t.is(count(directory, name), 1, name);
  t.is(readdirSync(join(directory, 'leases/bridge')).filter((name) => /^\d/.test(name)).length, 1);
  t.is(inside(holder.network, 'ip -o link | grep -c veth'), '1');
  t.regex(inside(holder.network, 'iptables-save -t nat | grep DNAT | grep -v conntrack'), /^[^\n]*--dport 31000 [^\n]*$/);
  t.deepEqual(await agent.ask({ call: 'check', containerId: 'kept' }), {});
  await agent.ask({ call: 'detach', containerId: 'kept' });
  await agent.ask({ call: 'close' });
  t.is(inside(holder.network, 'iptables-save | grep -i proffer; ip -o link | grep -v " lo:"'), '');
});
