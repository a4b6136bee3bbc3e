import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { Dealer } from 'zeromq';
import {
  encodeFrame,
  familyShapes,
  openFrame,
  type AnyMessage,
  type SchedulerCall,
  type SchedulerEvent,
} from '../protocol/index.js';
import type { OpenerLink } from './types.js';
import { zmqAcceptor, type ZmqAcceptor } from './zmq-acceptor.js';
import { zmqOpener } from './zmq-opener.js';

const kill = (taskId: string): SchedulerCall => ({ type: 'KILL', taskId });

/** Everything that happens on either side, in words, and a way to wait for it. */
class Happenings {
  readonly log: string[] = [];
  #waiting: (() => void)[] = [];

  add(text: string): void {
    this.log.push(text);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves once a line like this is there, so many times. */
  async seen(pattern: RegExp, times = 1): Promise<void> {
    const deadline = setTimeout(() => this.add('took too long'), 20_000);
    while (this.log.filter((line) => pattern.test(line)).length < times) {
      if (this.log.includes('took too long')) {
        throw new Error(`${pattern} ${times} times; there was: ${this.log.slice(-20).join(' | ')}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    clearTimeout(deadline);
  }
}

/** A master that answers KILL with RESCIND. */
async function listen(
  t: ExecutionContext,
  happenings: Happenings,
  bind = 'tcp://127.0.0.1:*',
  name = 'master',
): Promise<ZmqAcceptor<SchedulerEvent>> {
  const acceptor = await zmqAcceptor<'framework'>(
    { bind, kinds: ['framework'], warn: (text) => happenings.add(`${name} warns: ${text}`) },
    {
      onMessages(peer, messages) {
        for (const message of messages) {
          if (message.type !== 'KILL') continue;
          happenings.add(`${name} got ${message.taskId} of ${peer}`);
          acceptor.send(peer, { type: 'RESCIND', offerId: message.taskId });
        }
      },
      onClosed: (peer, code) => happenings.add(`${name} lost ${peer} ${code}`),
    },
  );
  t.teardown(() => acceptor.close());
  return acceptor;
}

function open(t: ExecutionContext, happenings: Happenings, endpoint: string, identity?: string): OpenerLink<SchedulerCall> {
  const link = zmqOpener({ endpoint, kind: 'framework', ...(identity && { identity }) })({
    onOpen: () => happenings.add('open'),
    onMessages: (messages) => {
      for (const message of messages) if (message.type === 'RESCIND') happenings.add(`answer ${message.offerId}`);
    },
    onClosed: (code) => happenings.add(`closed ${code}`),
    onRejected: (code, text) => happenings.add(`rejected ${code} ${text}`),
  });
  t.teardown(() => link.close());
  return link;
}

/** A socket that speaks ZeroMQ but not our protocol, unless told to. */
function rawPeer(t: ExecutionContext, endpoint: string, options: ConstructorParameters<typeof Dealer>[0] = {}): Dealer {
  const dealer = new Dealer({ linger: 0, ...options });
  dealer.connect(endpoint);
  t.teardown(() => dealer.close());
  return dealer;
}

async function answerOf(dealer: Dealer): Promise<string> {
  const [bytes] = await dealer.receive();
  const { type, code } = openFrame(bytes!).messages[0] as { type: string; code?: string };
  return [type, code].filter((part) => part !== undefined).join(' ');
}

const hello = (changes: object = {}): AnyMessage =>
  ({
    type: 'HELLO',
    version: 1,
    versionMin: 1,
    shapes: familyShapes('framework').hash,
    peer: 'framework',
    ...changes,
  }) as AnyMessage;

test('messages go both ways, in order, many in a frame', async (t) => {
  const happenings = new Happenings();
  const { endpoint } = await listen(t, happenings);
  const link = open(t, happenings, endpoint);
  await happenings.seen(/^open/);
  for (let i = 0; i < 2000; i++) link.send(kill(`t${i}`));
  await happenings.seen(/^answer t1999$/);
  t.deepEqual(happenings.log.filter((line) => line.startsWith('answer')), Array.from({ length: 2000 }, (_, i) => `answer t${i}`));
});

test('a unix socket carries as well', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'proffer-'));
  t.teardown(() => rm(directory, { recursive: true }));
  const happenings = new Happenings();
  const { endpoint } = await listen(t, happenings, `ipc://${directory}/socket`);
  t.deepEqual(await readdir(directory), ['socket']);
  const link = open(t, happenings, endpoint);
  await happenings.seen(/^open/);
  link.send(kill('t'));
  await happenings.seen(/^answer t$/);
});

test('an address that is taken, and one that is none, are said to be so', async (t) => {
  const happenings = new Happenings();
  const { endpoint } = await listen(t, happenings);
  await t.throwsAsync(listen(t, happenings, endpoint), { code: 'EADDRINUSE' });
  t.throws(() => open(t, happenings, 'nowhere'), { instanceOf: TypeError, message: /"nowhere" is no endpoint like tcp:/ });
});

test('garbage is refused, warned of once, and reaches nobody; others are served on', async (t) => {
  const happenings = new Happenings();
  const { endpoint } = await listen(t, happenings);
  const link = open(t, happenings, endpoint);
  await happenings.seen(/^open/);
  const raw = rawPeer(t, endpoint);
  await raw.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  t.is(await answerOf(raw), 'RESET MALFORMED_FRAME');
  for (let i = 0; i < 50; i++) await raw.send(Buffer.alloc(100, i));
  await raw.send(['three', 'parts', 'here']);
  await raw.send(Buffer.alloc(0));
  link.send(kill('t'));
  await happenings.seen(/^answer t$/);
  t.is(happenings.log.filter((line) => line.includes('malformed')).length, 1);
  t.is(happenings.log.filter((line) => line.startsWith('master got')).length, 1);
});

test('bytes that are not even ZeroMQ do no harm', async (t) => {
  const happenings = new Happenings();
  const { endpoint } = await listen(t, happenings);
  for (const bytes of [Buffer.alloc(4096, 0x55), Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(64, 0xff)]) {
    const socket = connect(Number(endpoint.split(':').at(-1)), '127.0.0.1');
    t.teardown(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(bytes);
  }
  const link = open(t, happenings, endpoint);
  await happenings.seen(/^open/);
  link.send(kill('t'));
  await happenings.seen(/^answer t$/);
  t.is(happenings.log.filter((line) => line.startsWith('master got')).length, 1);
});

test('another version and a message that does not fit are refused by name', async (t) => {
  const happenings = new Happenings();
  const { endpoint } = await listen(t, happenings);
  const old = rawPeer(t, endpoint);
  await old.send(encodeFrame(7, 0, [hello({ version: 99, versionMin: 98 })]));
  t.is(await answerOf(old), 'RESET UNSUPPORTED_VERSION');
  const link = open(t, happenings, endpoint);
  await happenings.seen(/^open/);
  link.send(kill('a/b'));
  await happenings.seen(/^rejected INVALID_MESSAGE KILL\.taskId: must hold no control character/);
  link.send(kill('fine'));
  await happenings.seen(/^answer fine$/);
  t.false(happenings.log.some((line) => line.startsWith('closed')));
});

test('a peer that does not read is cut off, and the others do not notice', async (t) => {
  const happenings = new Happenings();
  const acceptor = await listen(t, happenings);
  const slow = rawPeer(t, acceptor.endpoint, { receiveHighWaterMark: 1 });
  await slow.send(encodeFrame(7, 0, [hello()]));
  await slow.send(encodeFrame(7, 1, [kill('slow')]));
  await happenings.seen(/^master got slow/);
  const link = open(t, happenings, acceptor.endpoint);
  await happenings.seen(/^open/);
  const [, peer] = /got slow of (\S+)/.exec(happenings.log.find((line) => line.includes('got slow'))!)!;
  const data = new Uint8Array(60_000);
  for (let i = 0; i < 3000 && !happenings.log.some((line) => line.includes('OUTBOX_FULL')); i++) {
    for (let j = 0; j < 20; j++) acceptor.send(peer!, { type: 'MESSAGE', agentId: 'a', executorId: 'e', data });
    link.send(kill(`t${i}`));
    await happenings.seen(new RegExp(`^answer t${i}$`));
  }
  t.true(happenings.log.includes(`master lost ${peer} OUTBOX_FULL`));
  t.false(happenings.log.some((line) => line.startsWith('closed')));
});

test('a peer that starts again under its identity takes its own place', async (t) => {
  const happenings = new Happenings();
  const { endpoint } = await listen(t, happenings);
  const first = rawPeer(t, endpoint, { routingId: 'the-same' });
  await first.send(encodeFrame(7, 0, [hello()]));
  await first.send(encodeFrame(7, 1, [kill('first')]));
  await happenings.seen(/^master got first/);
  const link = open(t, happenings, endpoint, 'the-same');
  await happenings.seen(/^open/);
  link.send(kill('second'));
  await happenings.seen(/^answer second$/);
  t.deepEqual(
    happenings.log.filter((line) => line.startsWith('master')),
    ['master got first of framework-1', 'master lost framework-1 DISCONNECTED', 'master got second of framework-2'],
  );
});

test('a peer finds an acceptor that ends and comes back, and one that was not there yet', async (t) => {
  const happenings = new Happenings();
  const first = await listen(t, happenings, 'tcp://127.0.0.1:*', 'first');
  const { endpoint } = first;
  const link = open(t, happenings, endpoint);
  await happenings.seen(/^open/);
  await first.close();
  await happenings.seen(/^closed CLOSED/);
  link.send(kill('lost'));
  await listen(t, happenings, endpoint, 'second');
  await happenings.seen(/^open/, 2);
  link.send(kill('t'));
  await happenings.seen(/^answer t$/);
  t.false(happenings.log.some((line) => line.includes('lost of')), 'what is said between two sessions is nobody’s');
});

test('a peer that says goodbye is gone at once', async (t) => {
  const happenings = new Happenings();
  const { endpoint } = await listen(t, happenings);
  const link = open(t, happenings, endpoint);
  await happenings.seen(/^open/);
  link.send(kill('last'));
  await link.close();
  await happenings.seen(/^master lost framework-1 CLOSED/);
  t.true(happenings.log.includes('master got last of framework-1'), 'what was said before goes first');
});

test('close leaves nothing that keeps a process alive', async (t) => {
  const module = new URL('index.js', import.meta.url).href;
  const script = `
    const { zmqAcceptor, zmqOpener } = await import(${JSON.stringify(module)});
    const acceptor = await zmqAcceptor({ bind: 'tcp://127.0.0.1:*', kinds: ['framework'] }, { onMessages() {}, onClosed() {} });
    await new Promise((resolve) => {
      const link = zmqOpener({ endpoint: acceptor.endpoint, kind: 'framework' })({
        onOpen: () => link.close().then(resolve), onMessages() {}, onClosed() {} });
    });
    const never = zmqOpener({ endpoint: 'tcp://127.0.0.1:1', kind: 'framework' })({
      onOpen() {},
      onMessages() {},
      onClosed() {},
    });
    await never.close();
    await acceptor.close();
    console.log('done');`;
  const started = Date.now();
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 20_000 });
  t.is(stdout, 'done\n');
  t.true(Date.now() - started < 10_000);
});
