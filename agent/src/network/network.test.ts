import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resources, type ContainerInfo } from '@proffer/sdk/model';
import test, { type ExecutionContext } from 'ava';
import { containerSpec } from '../containerizer/recorder.test-helper.js';
import { bridgeConfig } from './bridge.js';
import { findNetwork, parseNetwork } from './cni-config.js';
import { addressesOf, Cni, type Interface } from './cni.js';
import { parseInterfaces } from './figures.js';
import { IdentityFiles } from './identity-files.js';
import { Networks } from './networks.js';
import { parseListening } from './port-watch.js';
import { ReadyStock } from './ready-stock.js';
import { Rules } from './rules.js';
import { chooseSubnet, formatSubnet, overlap, parseSubnet } from './subnet.js';
import { networkWish, runtimeConfig } from './wish.js';

function directoryOf(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-network-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A plugin that writes down how it was called, answers ADD with one more address, and fails where the network says so. */
function fakePlugins(directory: string, ...names: string[]): string {
  const path = join(directory, 'plugins');
  mkdirSync(path, { recursive: true });
  for (const name of names) {
    writeFileSync(join(path, name), `#!/bin/sh
input=$(cat)
echo "$CNI_COMMAND ${name} $CNI_CONTAINERID $CNI_IFNAME [$CNI_NETNS] $input" >> ${directory}/calls
case "$input" in *'"fail":"'$CNI_COMMAND'"'*) echo '{"code":11,"msg":"no more addresses","details":"all are taken"}'; exit 1;; esac
[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.7/24"}],"from":"${name}"}'
`);
    chmodSync(join(path, name), 0o755);
  }
  return path;
}

const calls = (directory: string): string[] => readFileSync(join(directory, 'calls'), 'utf8').trim().split('\n');

test('what a task can ask, and what it cannot', (t) => {
  const wish = (container: ContainerInfo) => networkWish(containerSpec('/x', 'c', {
    container, resources: resources({ cpus: 1, ports: [31_000, 31_009] }),
  }));
  t.deepEqual(wish({}), { kind: 'host' });
  t.deepEqual(wish({ networks: [{ name: 'host' }] }), { kind: 'host' });
  t.deepEqual(wish({ networks: [{ name: 'none' }] }), { kind: 'loopback' });
  const ports = [{ hostPort: 31_000, containerPort: 80 }];
  t.like(wish({ networks: [{ name: 'a' }, { name: 'b' }], portMappings: ports }), { kind: 'networks', ports });
  const refused: [ContainerInfo, RegExp][] = [
    [{ networks: [{ name: 'host' }, { name: 'a' }] }, /"host" stands alone/],
    [{ networks: [{ name: 'a' }, { name: 'a' }] }, /"a" is named twice/],
    [{ portMappings: ports }, /only with networks of its own/],
    [{ networks: [{ name: 'none' }], portMappings: ports }, /only with networks of its own/],
    [{ networks: [{ name: 'a' }], portMappings: [{ hostPort: 80, containerPort: 80 }] }, /\[0\]\.hostPort: expected one of the task's ports, got 80/],
    [{ networks: [{ name: 'a' }], portMappings: [...ports, ...ports] }, /tcp port 31000 leads into the container twice/],
    [{ networks: [{ name: 'a' }], portMappings: [{ ...ports[0]!, hostIp: '::1' }] }, /hostIp: expected an IPv4 address/],
    [{ networks: [{ name: 'a', aliases: ['a b'] }] }, /aliases: expected host names, got "a b"/],
  ];
  for (const [container, message] of refused) t.throws(() => wish(container), { message });
  t.deepEqual(runtimeConfig({ name: 'a', ipAddress: '10.0.0.9', labels: [['bandwidth.ingressRate', '100000000']] }, ports), {
    portMappings: [{ hostPort: 31_000, containerPort: 80, protocol: 'tcp' }],
    ips: ['10.0.0.9'],
    bandwidth: { ingressRate: 100_000_000, ingressBurst: 10_000_000 },
  });
  t.throws(() => runtimeConfig({ name: 'a', labels: [['bandwidth.ingress', '1']] }, []), { message: /must be one of bandwidth.ingressRate/ });
});

test('descriptions of networks', (t) => {
  const directory = directoryOf(t);
  writeFileSync(join(directory, '10-a.conflist'), JSON.stringify({ cniVersion: '1.0.0', name: 'a', plugins: [{ type: 'x' }, { type: 'y' }] }));
  writeFileSync(join(directory, '20-b.conf'), JSON.stringify({ cniVersion: '0.4.0', name: 'b', type: 'x' }));
  writeFileSync(join(directory, '30-bad.conf'), '{');
  t.deepEqual(findNetwork(directory, 'a').plugins.map(({ type }) => type), ['x', 'y']);
  t.deepEqual(findNetwork(directory, 'b').plugins.map(({ type }) => type), ['x']);
  t.throws(() => findNetwork(directory, 'c'), { message: /no network "c" is described in .*30-bad\.conf/ });
  t.throws(() => parseNetwork('{"cniVersion":"0.2.0","name":"a","type":"x"}'), { message: /cniVersion: expected one of 0.4.0, 1.0.0/ });
  t.throws(() => parseNetwork('{"cniVersion":"1.0.0","name":"a","type":"../x"}'), { message: /plugins/ });
});

test('plugins: chained forwards and backwards, asked only for what they can, quoted when they fail', async (t) => {
  const directory = directoryOf(t);
  const cni = new Cni(fakePlugins(directory, 'first', 'second'));
  const plugins = [{ type: 'first' }, { type: 'second', capabilities: { ips: true } }];
  const link: Interface = {
    config: { cniVersion: '1.0.0', name: 'net', plugins }, runtime: { ips: ['10.1.0.7'] }, cniId: 'id', namespace: '/proc/self/ns/net', name: 'eth0',
  };
  const result = await cni.add(link);
  t.deepEqual(addressesOf(result), ['10.1.0.7']);
  await cni.check(link, result);
  await cni.remove({ ...link, namespace: '/gone' }, result);
  t.deepEqual(calls(directory).map((line) => line.split(' {')[0]), [
    'ADD first id eth0 [/proc/self/ns/net]', 'ADD second id eth0 [/proc/self/ns/net]',
    'CHECK first id eth0 [/proc/self/ns/net]', 'CHECK second id eth0 [/proc/self/ns/net]',
    'DEL second id eth0 []', 'DEL first id eth0 []',
  ]);
  t.notRegex(calls(directory)[0]!, /runtimeConfig|prevResult/);
  t.regex(calls(directory)[1]!, /"runtimeConfig":\{"ips":\["10.1.0.7"\]\},"prevResult":\{.*"from":"first"/);
  const failing = { ...link, config: { ...link.config, plugins: [{ type: 'first', fail: 'ADD' }] } };
  await t.throwsAsync(cni.add(failing), { message: 'network net: plugin first ADD: no more addresses (all are taken)' });
  const missing = { ...link, config: { ...link.config, plugins: [{ type: 'third' }] } };
  await t.throwsAsync(cni.add(missing), { message: /network net: plugin third ADD: there is no such plugin in .*containernetworking-plugins/ });
});

test('a failed ADD is undone with its container, and what a run left is undone by the next', async (t) => {
  const directory = directoryOf(t);
  const configs = join(directory, 'configs');
  mkdirSync(configs);
  const describe = (name: string, fail?: string): void => {
    writeFileSync(join(configs, `${name}.conf`), JSON.stringify({ cniVersion: '1.0.0', name, type: 'first', ...(fail && { fail }) }));
  };
  describe('good');
  describe('bad', 'ADD');
  const namespaces = new Set<string>();
  let ids = 0;
  const make = (): Networks => new Networks({
    directory: join(directory, 'kept'),
    agentName: 'agent',
    options: { cniConfigDir: configs, cniPluginDir: fakePlugins(directory, 'first') },
    native: {
      makeNetworkNamespace: async (path) => void namespaces.add(await Promise.resolve(path)),
      removeNetworkNamespace: async (path) => void namespaces.delete(await Promise.resolve(path)),
      removeBridge: () => Promise.resolve(),
    },
    iptables: () => Promise.resolve(''),
    bootId: 'boot',
    newId: () => `${ids++}`,
    warn: (message) => t.fail(message),
  });
  const member = (containerId: string) => ({ containerId, hostname: containerId, names: [] });
  const networks = (...names: string[]) => ({ kind: 'networks' as const, networks: names.map((name) => ({ name })), ports: [] });
  const first = make();
  await first.attach(member('kept'), networks('good'));
  await first.attach(member('orphan'), networks('good'));
  await t.throwsAsync(first.attach(member('half'), networks('good', 'bad')), { message: /no more addresses/ });
  await t.throwsAsync(first.attach(member('none'), networks('nowhere')), { message: /no network "nowhere"/ });
  t.is(namespaces.size, 3);
  t.deepEqual(first.addresses('kept'), ['10.1.0.7']);
  t.is(first.addresses('none'), undefined);

  const second = make();
  t.deepEqual(second.addresses('kept'), ['10.1.0.7'], 'the next run knows it');
  await second.retain(new Set(['kept']));
  t.deepEqual([...namespaces], [second.namespaceOf('kept')]);
  t.is(calls(directory).filter((line) => line.startsWith('DEL')).length, 3, 'orphan, and both networks of the half one');
  second.detach('kept');
  await second.close();
  t.is(namespaces.size, 0);
  t.is(calls(directory).filter((line) => line.startsWith('DEL')).length, 4);
});

test('rules: written whole, once for changes that come together, and taken away', async (t) => {
  const written: string[] = [];
  let saved = '';
  const bridge = { name: 'proffer-x', subnet: '10.88.1.0/24' };
  const rules = new Rules(bridge, 'agent', (program, _args, input) => {
    if (program === 'iptables-restore') written.push(input);
    return Promise.resolve(program === 'iptables-save' ? saved : '');
  }, () => [{ address: '10.88.1.2', ports: [{ hostPort: 53, containerPort: 5353, protocol: 'udp', hostIp: '10.0.0.1' }] }]);
  await Promise.all([rules.apply(), rules.apply(), rules.apply()]);
  t.is(written.length, 1);
  t.regex(written[0]!, /-d 10\.0\.0\.1\/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10\.88\.1\.2:5353/);
  t.regex(written[0]!, /^-I PREROUTING 1 -m addrtype --dst-type LOCAL -j PROFFER-[0-9a-f]{7}-IN$/m);
  await rules.apply();
  t.notRegex(written[1]!, /^-I/m, 'called once');
  const chain = /PROFFER-[0-9a-f]{7}-IN/.exec(written[0]!)![0];
  saved = `:${chain} - [0:0]\n-A OUTPUT -m addrtype --dst-type LOCAL -j ${chain}\n-A ${chain} -j RETURN\n-A OUTPUT -j DOCKER\n`;
  await rules.remove();
  t.regex(written[2]!, new RegExp(`-D OUTPUT -m addrtype --dst-type LOCAL -j ${chain}\n-F ${chain}\n-X ${chain}\n`));
  t.notRegex(written[2]!, /DOCKER|RETURN/);
});

test('subnets', (t) => {
  t.is(formatSubnet(parseSubnet('10.88.7.0/24')), '10.88.7.0/24');
  for (const bad of ['10.88.7.1/24', '10.88.7.0', '10.88.7.0/33', '10.88.300.0/24', '::/64']) t.throws(() => parseSubnet(bad), { message: /bridgeSubnet/ });
  t.true(overlap(parseSubnet('10.0.0.0/8'), parseSubnet('10.88.7.0/24')));
  t.false(overlap(parseSubnet('10.88.6.0/24'), parseSubnet('10.88.7.0/24')));
  t.is(formatSubnet(chooseSubnet(255, [parseSubnet('10.88.255.0/24')])), '10.88.0.0/24');
  t.throws(() => chooseSubnet(0, [parseSubnet('10.88.0.0/16')]), { message: /every subnet/ });
  t.like(bridgeConfig({ name: 'b', subnet: '10.88.0.0/24' }, '/leases', true).plugins.map(({ type }) => type), ['bridge', 'bandwidth']);
});

test('files and figures', async (t) => {
  const directory = directoryOf(t);
  writeFileSync(join(directory, 'resolv'), 'nameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch example.com\n');
  const files = new IdentityFiles(directory, join(directory, 'resolv'));
  files.make('c', 'web', [{ address: '10.1.0.2', names: ['web'] }, { address: '10.1.0.3', names: ['long-name'] }]);
  t.is(readFileSync(files.path('c', 'resolv'), 'utf8'), 'nameserver 10.0.0.2\nsearch example.com\n');
  files.setHosts('c', [{ address: '10.1.0.2', names: ['web'] }]);
  t.is(readFileSync(files.path('c', 'hosts'), 'utf8'), '127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n10.1.0.2\tweb\n');
  const dev = 'Inter-| Receive\n face |bytes\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0:100 2 0 3 0 0 0 0 400 5 0 6 0 0 0 0\n';
  t.deepEqual(parseInterfaces(dev), [
    { name: 'eth0', receivedBytes: 100, receivedPackets: 2, receivedDrops: 3, sentBytes: 400, sentPackets: 5, sentDrops: 6 },
  ]);
  const tcp = '  sl  local_address\n   0: 0100007F:1F90 00000000:0000 0A 0:0 0:0 0 0 0 4711 1\n   1: 0100007F:1F91 0100007F:1 01 0:0 0:0 0 0 0 4712 1\n';
  t.deepEqual(parseListening(tcp), [['4711', 8080]]);
  let made = 0;
  const failures: unknown[] = [];
  const stock = new ReadyStock(2, () => Promise.resolve(++made), (error) => failures.push(error));
  t.is(stock.take(), undefined);
  stock.fill();
  await Promise.resolve();
  await Promise.resolve();
  t.is(stock.take(), 1);
  t.deepEqual(await stock.close(), [2]);
});
