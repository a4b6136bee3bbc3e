import { existsSync, mkdirSync, readFileSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execIn, launch, makeNetworkNamespace, ownUserNamespace, removeBridge, removeNetworkNamespace } from './index.js';
import { probe } from './probe.js';

const root = probe().mode === 'namespaces' && probe().namespaces.net;
const asRoot = root ? test : test.skip;
const needs = root ? '' : ' (skipped: needs root and network namespaces)';

asRoot(`network namespaces: one of its own, a prepared one, and one in a user namespace${needs}`, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'isolator-network-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'named');
  await makeNetworkNamespace(path);
  await t.throwsAsync(makeNetworkNamespace(path), { code: 'EEXIST' });
  const inside = async (id: string, network: true | { readonly path: string }, user = false): Promise<string> => {
    const runtimeDir = join(directory, id);
    mkdirSync(runtimeDir);
    const namespaces = { network, ...(user ? { user: ownUserNamespace() } : {}) };
    const container = await launch({ id, runtimeDir, argv: ['/bin/sleep', '60'], namespaces });
    const look = ['/bin/sh', '-c', 'readlink /proc/self/ns/net; grep : /proc/net/dev | cut -d: -f1; cat /proc/net/route | wc -l; ip -o link | grep -c LOOPBACK,UP'];
    const { stdout } = await execIn(container, { argv: look, captureBytes: 4096, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    await container.destroy();
    return stdout!.toString();
  };
  const own = await inside('own', true);
  t.regex(own, /^net:\[\d+\]\n +lo\n1\n1\n$/, 'an interface that is up, no routes');
  const first = await inside('first', { path });
  t.is(await inside('second', { path }), first, 'the same one for all who enter');
  t.not(first.split('\n')[0], own.split('\n')[0]);
  t.is(await inside('mapped', { path }, true), first, 'also from a user namespace that has no rights in it');
  t.regex(await inside('mapped-own', true, true), /\n +lo\n1\n1\n$/);
  await t.throwsAsync(inside('missing', { path: join(directory, 'no') }), { message: /enter network namespace .*no: ENOENT/ });
  await removeNetworkNamespace(path);
  await removeNetworkNamespace(path);
  t.false(existsSync(path));
  t.notRegex(readFileSync('/proc/self/mounts', 'utf8'), new RegExp(directory));
  await t.notThrowsAsync(removeBridge('no-such-bridge'));
  await t.throwsAsync(removeBridge('a name that is too long'), { code: 'INVALID_SPEC' });
});
