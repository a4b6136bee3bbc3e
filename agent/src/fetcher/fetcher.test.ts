import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Uri } from '@proffer/sdk/model';
import test, { type ExecutionContext } from 'ava';
import { tarOf, zipOf, type TarEntry, type ZipEntry } from './archives.test-helper.js';
import { Budget, ENTRIES_MAX } from './budget.js';
import { FetchCache } from './cache.js';
import { createFetcher, type Fetcher, type FetcherOptions, type FetchRequest } from './index.js';
import { allows } from './local-file.js';
import { Slots } from './slots.js';
import { parseUri } from './uri.js';

type Route = (request: IncomingMessage, response: ServerResponse) => void;

interface Setting {
  readonly directory: string;
  readonly sandbox: string;
  readonly origin: string;
  readonly routes: Map<string, Route>;
  readonly requests: IncomingMessage[];
  readonly progress: string[];
  readonly fetcher: Fetcher;
  readonly fetch: (uris: readonly Uri[], more?: Partial<FetchRequest>) => Promise<void>;
  readonly create: (options: FetcherOptions) => Fetcher;
}

const user = { name: 'me', uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, groups: [] };
/** Whoever runs the tests, this is somebody else. */
const stranger = { name: 'stranger', uid: 54321, gid: 54321, groups: [] };

async function setUp(t: ExecutionContext, options: FetcherOptions = {}): Promise<Setting> {
  const directory = mkdtempSync(join(tmpdir(), 'proffer-fetcher-'));
  const sandbox = join(directory, 'sandbox');
  mkdirSync(sandbox);
  const routes = new Map<string, Route>();
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    const route = routes.get(request.url ?? '');
    if (route === undefined) response.writeHead(404).end();
    else route(request, response);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  let now = 0;
  const create = (more: FetcherOptions): Fetcher =>
    createFetcher({ cacheDir: join(directory, 'cache'), now: () => (now += 1000), ...more });
  const fetcher = create(options);
  t.teardown(async () => {
    await fetcher.close();
    server.closeAllConnections();
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  const progress: string[] = [];
  return {
    directory,
    sandbox,
    routes,
    requests,
    progress,
    fetcher,
    create,
    origin: `http://127.0.0.1:${portOf(server)}`,
    fetch: (uris, more = {}) =>
      fetcher.fetch({
        uris,
        directory: sandbox,
        user,
        signal: never(),
        onProgress: (message) => progress.push(message),
        ...more,
      }),
  };
}

/** How hostile archives are refused; anything else would be luck. */
const REFUSALS = new RegExp(
  '^http://\\S+: (.*may lead out|.*names must be relative|.*is not a folder|.*is a folder already|.*may not hold|' +
    '.*neither file, folder nor link|.*no file of the archive|.*the sandbox itself|more than 8.0 MiB|too many bytes|' +
    'it is no gzip file|End of central directory record|invalid relative path|absolute path)',
);

/** The signal of a request that nobody gives up. */
function never(): AbortSignal {
  return new AbortController().signal;
}

function serve(body: string | Uint8Array, headers: Record<string, string> = {}): Route {
  return (_request, response) => response.writeHead(200, headers).end(body);
}

function tree(directory: string): string[] {
  return readdirSync(directory, { recursive: true }).map(String).sort();
}

test('files by http and file:, under their own name or outputFile, executable or not', async (t) => {
  const { origin, routes, fetch, sandbox, directory, progress } = await setUp(t);
  routes.set('/a/tool?token=secret', serve('#!/bin/sh'));
  routes.set('/moved', (_request, response) => response.writeHead(302, { location: '/a/plain%20file' }).end());
  routes.set('/a/plain%20file', serve('plain'));
  writeFileSync(join(directory, 'local'), 'local');
  await fetch([
    { value: `${origin}/a/tool?token=secret`, executable: true },
    { value: `${origin}/moved`, outputFile: 'deep/down/moved' },
    { value: `${origin}/a/plain%20file` },
    { value: `file://${directory}/local` },
  ]);
  t.deepEqual(tree(sandbox), ['deep', 'deep/down', 'deep/down/moved', 'local', 'plain file', 'tool']);
  t.is(readFileSync(join(sandbox, 'deep/down/moved'), 'utf8'), 'plain');
  t.is(lstatSync(join(sandbox, 'tool')).mode & 0o777, 0o755);
  t.is(lstatSync(join(sandbox, 'local')).mode & 0o777, 0o644);
  t.is(progress[0], `fetching ${origin}/a/tool`);
  t.false(progress.join('').includes('secret'));
});

test('what goes wrong names the URI and the reason', async (t) => {
  const { origin, routes, fetch } = await setUp(t, { stallMs: 1100 });
  routes.set('/loop', (_request, response) => response.writeHead(302, { location: '/loop' }).end());
  routes.set('/local', (_request, response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end());
  routes.set('/stall', (_request, response) => response.writeHead(200).write('x'));
  routes.set('/cut', (_request, response) => {
    response.writeHead(200, { 'content-length': '100' }).write('x', () => response.destroy());
  });
  for (const [path, message] of [
    ['/none', /none: the server answered 404$/],
    ['/loop', /loop: more than 10 redirects$/],
    ['/local', /redirect from http: to file:/],
    ['/stall', /stall: the server sent nothing for 1.1 s$/],
    ['/cut', /cut: /],
  ] as const) {
    await t.throwsAsync(fetch([{ value: origin + path }]), { message }, path);
  }
  for (const [uri, message] of [
    [{ value: 'ftp://host/file' }, /must be file:, http: or https:/],
    [{ value: 'relative' }, /must be file:, http: or https:/],
    [{ value: 'http://host/' }, /ends in no file name/],
    [{ value: 'http://host/..%2f..%2fetc' }, undefined],
    [{ value: 'http://host/a', outputFile: '../a' }, /outputFile must be a relative path/],
    [{ value: 'http://host/a', outputFile: '/a' }, /outputFile must be a relative path/],
    [{ value: 'http://host/a', outputFile: 'a/' }, /outputFile must be a relative path/],
    [{ value: 'file://host/a' }, /names a file of this machine/],
  ] as const) {
    if (message === undefined) t.is(parseUri(uri).output, 'etc');
    else t.throws(() => parseUri(uri), { message });
  }
});

test('an abort ends a fetch, one that waits for its turn too', async (t) => {
  const { origin, routes, fetch } = await setUp(t);
  const abort = new AbortController();
  routes.set('/slow', (_request, response) => {
    response.writeHead(200).write('x');
    abort.abort(new Error('destroyed'));
  });
  await t.throwsAsync(fetch([{ value: `${origin}/slow` }], { signal: abort.signal }), { message: 'destroyed' });
  const slots = new Slots(1);
  const giveBack = await slots.take(new AbortController().signal);
  const waiting = new AbortController();
  const second = slots.take(waiting.signal);
  const third = slots.take(new AbortController().signal);
  waiting.abort(new Error('destroyed'));
  await t.throwsAsync(second, { message: 'destroyed' });
  giveBack();
  (await third)();
});

test('archives: tar, tar.gz, zip and gz with modes, folders and links; extract: false leaves them', async (t) => {
  const { origin, routes, fetch, sandbox, progress } = await setUp(t);
  const entries: TarEntry[] = [
    { name: './bin/', type: 'directory' },
    { name: './bin/run', content: 'run', mode: 0o4755 },
    { name: 'lib/link', type: 'symlink', linkname: '../bin/run' },
    { name: 'lib/hard', type: 'link', linkname: 'bin/run' },
  ];
  const tar = await tarOf(entries);
  routes.set('/a.tar', serve(tar));
  routes.set('/b.tgz', serve(gzipSync(tar)));
  routes.set('/c.zip', serve(zipOf([
    { name: 'z/', mode: 0o40755 },
    { name: 'z/run', content: 'zip', mode: 0o100755 },
    { name: 'z/link', content: 'run', mode: 0o120777 },
  ])));
  routes.set('/d.txt.gz', serve(gzipSync('text')));
  routes.set('/e.tar.xz', serve('xz'));
  await fetch([
    { value: `${origin}/a.tar` },
    { value: `${origin}/b.tgz`, outputFile: 'b/b.tgz' },
    { value: `${origin}/c.zip`, outputFile: 'c/c.zip' },
    { value: `${origin}/d.txt.gz` },
    { value: `${origin}/e.tar.xz` },
    { value: `${origin}/a.tar`, extract: false, outputFile: 'kept.tar' },
  ]);
  t.deepEqual(tree(sandbox), [
    'b', 'b/bin', 'b/bin/run', 'b/lib', 'b/lib/hard', 'b/lib/link',
    'bin', 'bin/run',
    'c', 'c/z', 'c/z/link', 'c/z/run',
    'd.txt', 'e.tar.xz', 'kept.tar',
    'lib', 'lib/hard', 'lib/link',
  ]);
  t.is(lstatSync(join(sandbox, 'bin/run')).mode & 0o7777, 0o755, 'no set-user-id bit');
  t.is(readlinkSync(join(sandbox, 'lib/link')), '../bin/run');
  t.is(lstatSync(join(sandbox, 'lib/hard')).ino, lstatSync(join(sandbox, 'bin/run')).ino);
  t.is(readFileSync(join(sandbox, 'c/z/link'), 'utf8'), 'zip');
  t.is(readFileSync(join(sandbox, 'd.txt'), 'utf8'), 'text');
  t.true(progress.some((message) => /e\.tar\.xz is left packed/.test(message)));
});

test('hostile archives: nothing outside the sandbox, no devices, no bombs', async (t) => {
  const { origin, routes, fetch, directory } = await setUp(t);
  const bomb = 'x'.repeat(1 << 20);
  const tars: Record<string, TarEntry[]> = {
    'climbs': [{ name: '../outside', content: 'x' }],
    'absolute': [{ name: '/outside', content: 'x' }],
    'link up': [{ name: 'up', type: 'symlink', linkname: '..' }],
    'link to an absolute path': [{ name: 'abs', type: 'symlink', linkname: '/etc' }],
    'link climbing from a folder': [{ name: 'a/up', type: 'symlink', linkname: '../..' }],
    'climbing behind a link': [
      { name: 'here', type: 'symlink', linkname: '.' },
      { name: 'up', type: 'symlink', linkname: 'here/..' },
    ],
    'through a link': [{ name: 'dir', type: 'symlink', linkname: 'other' }, { name: 'dir/file', content: 'x' }],
    'hard link outside': [{ name: 'passwd', type: 'link', linkname: '/etc/passwd' }],
    'hard link climbing': [{ name: 'passwd', type: 'link', linkname: '../outside' }],
    'hard link to a link': [{ name: 'l', type: 'symlink', linkname: 'x' }, { name: 'h', type: 'link', linkname: 'l' }],
    'pipe': [{ name: 'pipe', type: 'fifo' }],
    'device': [{ name: 'null', type: 'character-device' }],
    'the sandbox itself': [{ name: '.', content: 'x' }],
    'file over a folder': [{ name: 'a/b', content: 'x' }, { name: 'a', content: 'x' }],
    'bomb': Array.from({ length: 9 }, (_, index) => ({ name: `bomb${index}`, content: bomb })),
  };
  const zips: Record<string, ZipEntry[]> = {
    'zip slip': [{ name: '../outside', content: 'x' }],
    'zip with an absolute path': [{ name: '/outside', content: 'x' }],
    'zip slip by backslash': [{ name: '..\\outside', content: 'x' }],
    'zip with a link out': [{ name: 'up', content: '../..', mode: 0o120777 }],
    'zip with a device': [{ name: 'tty', mode: 0o020666 }],
    'zip through a link': [{ name: 'dir', content: 'x', mode: 0o120777 }, { name: 'dir/file', content: 'x' }],
    'zip bomb': [{ name: 'bomb', content: bomb.repeat(9) }],
    'zip that lies about its size': [{ name: 'bomb', content: bomb.repeat(9), claimedBytes: 10 }],
  };
  const cases: [string, string, Uint8Array][] = [
    ['no gzip at all', '/x.tar.gz', Buffer.from('nonsense')],
    ['no zip at all', '/x.zip', Buffer.from('nonsense')],
    ['gzip bomb', '/x.gz', gzipSync(bomb.repeat(9))],
  ];
  for (const [name, entries] of Object.entries(tars)) cases.push([name, '/x.tar.gz', gzipSync(await tarOf(entries))]);
  for (const [name, entries] of Object.entries(zips)) cases.push([name, '/x.zip', zipOf(entries)]);
  for (const [name, path, body] of cases) {
    routes.set(path, serve(body));
    const sandbox = mkdtempSync(join(directory, 'hostile-'));
    const fetching = fetch([{ value: origin + path }], { directory: sandbox, maxBytes: 8 << 20 });
    const error = await t.throwsAsync(fetching, undefined, name);
    t.regex(error?.message ?? '', REFUSALS, name);
    t.false(existsSync(join(directory, 'outside')), name);
    t.false(existsSync(join(sandbox, '.proffer-fetch')), `${name}: the archive is gone`);
    const size = tree(sandbox).reduce((sum, file) => sum + lstatSync(join(sandbox, file)).size, 0);
    t.true(size <= 8 << 20, name);
  }
  t.false(existsSync('/outside'));
});

test('a link that was planted in a sandbox is not followed', async (t) => {
  const { origin, routes, fetch, sandbox, directory } = await setUp(t);
  routes.set('/file', serve('new'));
  writeFileSync(join(directory, 'victim'), 'old');
  symlinkSync(join(directory, 'victim'), join(sandbox, 'file'));
  symlinkSync(directory, join(sandbox, 'folder'));
  await fetch([{ value: `${origin}/file` }]);
  t.is(readFileSync(join(directory, 'victim'), 'utf8'), 'old');
  await t.throwsAsync(fetch([{ value: `${origin}/file`, outputFile: 'folder/victim' }]), { message: /"folder" is not a folder/ });
});

test('the budget: bytes and entries, at the limit and one past it', async (t) => {
  const budget = new Budget(10, 'a test');
  budget.chargeBytes(10);
  t.throws(() => budget.chargeBytes(1), { message: /more than 0\.0 MiB, a test/ });
  budget.refundBytes(2);
  t.notThrows(() => budget.chargeBytes(1));
  const entries = new Budget(0, 'a test');
  for (let count = 0; count < ENTRIES_MAX; count++) entries.chargeEntry();
  t.throws(() => entries.chargeEntry(), { message: /more than 200000 files/ });

  const { origin, routes, fetch } = await setUp(t);
  routes.set('/eight', serve('12345678'));
  await fetch([{ value: `${origin}/eight` }], { maxBytes: 8 });
  const tooMuch = fetch([{ value: `${origin}/eight` }], { maxBytes: 7 });
  await t.throwsAsync(tooMuch, { message: /the task's disk resource; ask for more disk/ });
});

test('file: only what the task\'s user may read, whatever path or link leads there', async (t) => {
  const table: [mode: number, uid: number, gid: number, allowed: boolean][] = [
    [0o644, 0, 0, true],
    [0o640, 0, 0, false],
    [0o640, 0, 54321, true],
    [0o604, 0, 54321, false],
    [0o400, 54321, 0, true],
    [0o044, 54321, 0, false],
  ];
  for (const [mode, uid, gid, allowed] of table) {
    t.is(allows({ mode, uid, gid }, stranger, 4), allowed, `${mode.toString(8)} ${uid}:${gid}`);
  }

  const { directory, fetch, sandbox, create } = await setUp(t);
  chmodSync(directory, 0o755);
  mkdirSync(join(directory, 'private'), { mode: 0o700 });
  mkdirSync(join(directory, 'public'), { mode: 0o755 });
  writeFileSync(join(directory, 'private/open'), 'x', { mode: 0o644 });
  writeFileSync(join(directory, 'public/closed'), 'x', { mode: 0o600 });
  writeFileSync(join(directory, 'public/open'), 'x', { mode: 0o644 });
  symlinkSync('../private/open', join(directory, 'public/link'));
  const file = (path: string): Uri[] => [{ value: `file://${directory}/${path}` }];
  await fetch(file('public/open'), { user: stranger });
  for (const path of ['private/open', 'public/closed', 'public/link']) {
    const message = /user "stranger" may not read it \((mode 600|directory .*private has mode 700)\)/;
    await t.throwsAsync(fetch(file(path), { user: stranger }), { message }, path);
  }
  await t.throwsAsync(fetch([{ value: 'file:///etc/shadow' }], { user: stranger }));
  await t.throwsAsync(fetch([{ value: 'file:///dev/zero' }]), { message: /not a regular file/ });
  await t.throwsAsync(fetch(file('public')), { message: /not a regular file/ });
  await t.throwsAsync(fetch(file('none')), { message: /there is no such file on this agent/ });
  const free = create({ anyFile: true });
  const request = { directory: sandbox, user: stranger, signal: never(), onProgress: () => undefined };
  await free.fetch({ uris: file('private/open'), ...request });
  await free.close();
  const open = create({ publicDirectories: [join(directory, 'none'), join(directory, 'private')] });
  await open.fetch({ uris: file('public/link'), ...request });
  await t.throwsAsync(open.fetch({ uris: file('public/closed'), ...request }), { message: /may not read it/ });
  await open.close();
  t.true(existsSync(join(sandbox, 'open')));
});

test('the cache: one download for many, asked again by validators, used when the server is down, by user', async (t) => {
  const { origin, routes, requests, fetch, sandbox, directory, progress } = await setUp(t);
  let version = 'one';
  routes.set('/v', (request, response) => {
    if (request.headers['if-none-match'] === version) response.writeHead(304).end();
    else response.writeHead(200, { etag: version }).end(version);
  });
  const uris = [{ value: `${origin}/v`, cache: true }];
  const read = (): string => readFileSync(join(sandbox, 'v'), 'utf8');
  const sandboxes = Array.from({ length: 5 }, (_, index) => join(sandbox, String(index)));
  await Promise.all(sandboxes.map(async (directory) => {
    mkdirSync(directory);
    await fetch(uris, { directory });
  }));
  t.is(requests.length, 1, 'five at once share one download');
  for (const directory of sandboxes) t.is(readFileSync(join(directory, 'v'), 'utf8'), 'one');

  await fetch(uris);
  t.is(requests.length, 2);
  t.is(read(), 'one');
  version = 'two';
  await fetch(uris);
  t.is(read(), 'two');
  await fetch(uris, { user: { ...user, uid: user.uid + 1 } });
  t.is(requests.at(-1)?.headers['if-none-match'], undefined, 'another user has a copy of its own');

  routes.set('/v', (_request, response) => response.writeHead(503).end());
  await fetch(uris);
  t.is(read(), 'two');
  t.true(progress.some((message) => /the copy from the cache is used: the server answered 503/.test(message)));
  routes.delete('/v');
  await t.throwsAsync(fetch(uris), { message: /404/ }, 'gone is gone');
  rmSync(join(directory, 'cache'), { recursive: true });
  routes.set('/v', serve('three'));
  await fetch(uris);
  t.is(read(), 'three', 'somebody emptied the cache meanwhile');
});

test('the cache: its bound, least recently used first, pinned while read, and it survives a restart', async (t) => {
  const { directory } = await setUp(t);
  let now = 1000;
  const open = (maxBytes: number): FetchCache => new FetchCache(join(directory, 'lru'), maxBytes, () => (now += 1000));
  const downloads: string[] = [];
  const lease = (cache: FetchCache, uri: string, bytes = 10) =>
    cache.lease({
      uid: 1,
      uri,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onBytes: () => undefined,
      download: async (openFile) => {
        downloads.push(uri);
        const file = await openFile();
        await file.write('x'.repeat(bytes));
        await file.close();
        return { unchanged: false, bytes, validators: {} };
      },
    });
  const cache = open(30);
  for (const uri of ['a', 'b', 'c', 'a', 'd']) (await lease(cache, uri)).release();
  t.deepEqual(downloads, ['a', 'b', 'c', 'd']);
  t.is(cache.bytes, 30);
  for (const uri of ['a', 'c', 'd', 'b']) (await lease(cache, uri)).release();
  t.deepEqual(downloads, ['a', 'b', 'c', 'd', 'b'], 'b had gone, being the least recently used');

  const pinned = await lease(cache, 'd');
  const held = await lease(cache, 'huge', 31);
  t.true(existsSync(held.path));
  held.release();
  held.release();
  t.false(existsSync(held.path), 'larger than the cache: only passing through');
  for (const uri of ['e', 'f', 'g']) (await lease(cache, uri)).release();
  t.true(existsSync(pinned.path));
  pinned.release();

  writeFileSync(join(directory, 'lru/cut-off.part'), 'x');
  writeFileSync(join(directory, 'lru/without-record'), 'x');
  const later = open(20);
  t.is(later.bytes, 20, 'a smaller bound holds at once');
  const before = downloads.length;
  (await lease(later, 'g')).release();
  t.is(downloads.length, before, 'the newest is still there');
  t.deepEqual(readdirSync(join(directory, 'lru')).filter((name) => name.startsWith('cut') || name.startsWith('without')), []);
});

test('a shared download goes on when its first requester gives up, and ends with the last', async (t) => {
  const { origin, routes, fetch, directory, requests } = await setUp(t);
  const arrived: ServerResponse[] = [];
  routes.set('/x', (_request, response) => {
    arrived.push(response);
    response.writeHead(200).write('begin');
    response.on('close', () => response.emit('gone'));
  });
  const [a, b] = [new AbortController(), new AbortController()];
  const start = async (name: string, signal: AbortSignal): Promise<string> => {
    const sandbox = join(directory, name);
    mkdirSync(sandbox);
    await fetch([{ value: `${origin}/x`, cache: true }], { directory: sandbox, signal });
    return readFileSync(join(sandbox, 'x'), 'utf8');
  };
  const first = start('first', a.signal);
  const second = start('second', b.signal);
  while (arrived.length === 0) await new Promise(setImmediate);
  a.abort(new Error('destroyed'));
  await t.throwsAsync(first, { message: 'destroyed' });
  arrived[0]?.end(' and end');
  t.is(await second, 'begin and end');
  t.is(requests.length, 1);

  const c = new AbortController();
  routes.set('/y', (_request, response) => {
    response.writeHead(200).write('begin');
    arrived.push(response);
  });
  const third = fetch([{ value: `${origin}/y`, cache: true }], { signal: c.signal });
  while (arrived.length === 1) await new Promise(setImmediate);
  const closed = new Promise<void>((resolve) => {
    arrived[1]?.on('close', resolve);
  });
  c.abort(new Error('destroyed'));
  await t.throwsAsync(third, { message: 'destroyed' });
  await closed;
  t.pass('the connection is closed');
});

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
