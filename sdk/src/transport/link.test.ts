import test from 'ava';
import fc from 'fast-check';
import { NO_RESOURCES } from '../model/index.js';
import {
  encodeFrame,
  families,
  familyShapes,
  FRAME_BYTES_MAX,
  openFrame,
  PROTOCOL_VERSION,
  readMessages,
  TASK_BODY_BYTES_MAX,
  type AnyMessage,
  type SchedulerCall,
} from '../protocol/index.js';
import { Acceptor } from './acceptor.js';
import { MemoryNetwork } from './memory-network.js';
import { Opener } from './opener.js';
import { Outgoing, OversizeError } from './outgoing.js';
import {
  BATCH_MESSAGES,
  PING_INTERVAL_MS,
  PINGS_UNANSWERED_MAX,
  SILENT_SESSION_MS,
  SILENT_SESSIONS_MAX,
  STRANGERS_MAX,
  VirtualClock,
} from './index.js';

const { up, down, hash } = familyShapes('framework');
const hello = (changes: object = {}): AnyMessage => ({
  type: 'HELLO',
  version: 1,
  versionMin: 1,
  shapes: hash,
  peer: 'framework',
  ...changes,
}) as AnyMessage;
const welcome = (changes: object = {}): AnyMessage => ({
  type: 'WELCOME',
  version: 1,
  shapes: hash,
  pingIntervalMs: 5000,
  ...changes,
}) as AnyMessage;
const kill = (taskId: string): AnyMessage => ({ type: 'KILL', taskId }) as AnyMessage;
const rescind = (offerId: string): AnyMessage => ({ type: 'RESCIND', offerId }) as AnyMessage;

/** What is in frames, in short: `HELLO`, `KILL t1`, `RESET GAP`. */
function text(message: AnyMessage): string {
  const { type, taskId, offerId, code } = message as AnyMessage & { taskId?: string; offerId?: string; code?: string };
  return [type, taskId ?? offerId ?? code].filter((part) => part !== undefined).join(' ');
}

/** An opener on a carrier that this test is the other side of. The log has what it sends (`>`) and what its handlers are told. */
class OpenerBench {
  readonly clock = new VirtualClock(1_000_000);
  readonly log: string[] = [];
  full = false;
  session = 0;
  #sequence = 0;
  readonly opener: Opener<'framework'>;

  constructor() {
    this.opener = new Opener<'framework'>({
      kind: 'framework',
      clock: this.clock,
      random: () => 0,
      connects: false,
      warn: (warning) => this.log.push(`warn ${warning}`),
      atEndOfTurn: (callback) => this.clock.after(0, callback),
      carrier: {
        send: (frame) => {
          if (!this.full) this.#onFrame(frame);
          return !this.full;
        },
        discard: () => {},
        close: () => Promise.resolve(),
      },
      handlers: {
        onOpen: () => this.log.push('open'),
        onMessages: (messages) => this.log.push(`got ${messages.map(text).join(', ')}`),
        onClosed: (code) => this.log.push(`closed ${code}`),
        onRejected: (code, _message, received) => this.log.push(`rejected ${received} ${code}`),
      },
    });
    this.clock.settle();
  }

  /** The other side says this, in the next frame of the session, or in that of another number. */
  say(messages: AnyMessage[], at: { session?: number; sequence?: number } = {}): void {
    const sequence = at.sequence ?? this.#sequence++;
    this.opener.onFrames([encodeFrame(at.session ?? this.session, sequence, messages)]);
    this.clock.settle();
  }

  #onFrame(bytes: Uint8Array): void {
    const frame = openFrame(bytes);
    if (frame.session !== this.session) this.#sequence = 0;
    this.session = frame.session;
    this.log.push(`> ${readMessages(frame, up).map(text).join(', ')}`);
  }
}

const openerTable: readonly (readonly [name: string, steps: (bench: OpenerBench) => void, log: readonly string[]])[] = [
  ['greets and opens', (b) => b.say([welcome()]), ['> HELLO', 'open']],
  ['sends one frame for a turn', (b) => {
    b.say([welcome()]);
    for (const taskId of ['a', 'b']) b.opener.send(kill(taskId) as SchedulerCall);
    b.clock.settle();
  }, ['> HELLO', 'open', '> KILL a, KILL b']],
  ['drops what is said before it is open', (b) => {
    b.opener.send(kill('a') as SchedulerCall);
    b.say([welcome()]);
  }, ['> HELLO', 'open']],
  ['greets again in a new session when nobody answers', (b) => b.clock.advance(2_100), ['> HELLO', '> HELLO']],
  ['hands over what comes, once', (b) => {
    b.say([welcome()]);
    b.say([rescind('a')]);
    b.say([rescind('a')], { sequence: 1 });
    b.say([rescind('b'), rescind('c')]);
  }, ['> HELLO', 'open', 'got RESCIND a', 'got RESCIND b, RESCIND c']],
  ['starts over when a frame is missing', (b) => {
    b.say([welcome()]);
    b.say([rescind('a')], { sequence: 2 });
    b.clock.advance(100);
  }, ['> HELLO', 'open', 'closed GAP', '> HELLO']],
  ['hands over what came before the end first', (b) => {
    b.say([welcome()]);
    b.opener.onFrames([
      encodeFrame(b.session, 1, [rescind('a')]),
      encodeFrame(b.session, 2, [{ type: 'RESET', code: 'CLOSED', message: '' } as AnyMessage]),
    ]);
  }, ['> HELLO', 'open', 'got RESCIND a', 'closed CLOSED']],
  ['ignores another session', (b) => {
    b.say([welcome()]);
    b.say([rescind('a')], { session: b.session - 1, sequence: 1 });
    b.say([{ type: 'RESET', code: 'UNKNOWN_SESSION', message: '' } as AnyMessage], { session: b.session - 1 });
  }, ['> HELLO', 'open']],
  ['answers pings', (b) => {
    b.say([welcome()]);
    b.say([{ type: 'PING' }]);
  }, ['> HELLO', 'open', '> PONG']],
  ['starts over after silence', (b) => {
    b.say([welcome()]);
    b.clock.advance(PING_INTERVAL_MS * (PINGS_UNANSWERED_MAX + 1) + 100);
  }, ['> HELLO', 'open', 'closed PEER_LOST', '> HELLO']],
  ['stays while it is pinged', (b) => {
    b.say([welcome()]);
    for (let i = 0; i < 6; i++) {
      b.clock.advance(PING_INTERVAL_MS);
      b.say([{ type: 'PING' }]);
    }
  }, ['> HELLO', 'open', '> PONG', '> PONG', '> PONG', '> PONG', '> PONG', '> PONG']],
  ['refuses a message that does not fit, and goes on', (b) => {
    b.say([welcome()]);
    b.say([{ type: 'RESCIND' }, rescind('b')]);
  }, [
    '> HELLO',
    'open',
    'warn the other side sent a message that was refused: RESCIND.offerId: expected required property, got nothing',
    '> REJECTED INVALID_MESSAGE',
    'got RESCIND b',
  ]],
  ['tells of a refusal after what came before it', (b) => {
    b.say([welcome()]);
    b.say([rescind('a'), { type: 'REJECTED', code: 'INVALID_MESSAGE', message: 'no', received: 'KILL' } as AnyMessage]);
  }, ['> HELLO', 'open', 'got RESCIND a', 'rejected KILL INVALID_MESSAGE']],
  ['starts over after bytes that are no frame', (b) => {
    b.say([welcome()]);
    b.opener.onFrames([Uint8Array.from([1, 2, 3])]);
    b.clock.advance(100);
  }, ['> HELLO', 'open', 'closed MALFORMED_FRAME', '> HELLO']],
  ['tells of a version that there is none of', (b) => {
    b.say([{ type: 'RESET', code: 'UNSUPPORTED_VERSION', message: 'too old' } as AnyMessage]);
    b.clock.advance(60);
  }, ['> HELLO', 'warn the link was refused: UNSUPPORTED_VERSION: too old', 'closed UNSUPPORTED_VERSION', '> HELLO']],
  ['refuses a version that it did not offer', (b) => b.say([welcome({ version: PROTOCOL_VERSION + 1 })]), [
    '> HELLO',
    `warn the link was refused: UNSUPPORTED_VERSION: the other side chose version ${PROTOCOL_VERSION + 1}`,
    'closed UNSUPPORTED_VERSION',
  ]],
  ['ends when nothing more fits', (b) => {
    b.say([welcome()]);
    b.full = true;
    b.opener.send(kill('a') as SchedulerCall);
    b.clock.settle();
    b.full = false;
    b.clock.advance(100);
  }, ['> HELLO', 'open', 'closed OUTBOX_FULL', '> HELLO']],
  ['ends when the connection is lost', (b) => {
    b.say([welcome()]);
    b.opener.onDisconnected();
    b.clock.advance(100);
  }, ['> HELLO', 'open', 'closed PEER_LOST', '> HELLO']],
  ['says what is left and goodbye', (b) => {
    b.say([welcome()]);
    b.opener.send(kill('a') as SchedulerCall);
    void b.opener.close();
    b.clock.advance(60_000);
  }, ['> HELLO', 'open', '> KILL a', '> RESET CLOSED']],
];

for (const [name, steps, log] of openerTable) {
  test(`the opening end ${name}`, (t) => {
    const bench = new OpenerBench();
    steps(bench);
    t.deepEqual(bench.log, log);
  });
}

/** An acceptor whose peers are this test. The log has what it sends (`> address`) and what its handlers are told. */
class AcceptorBench {
  readonly clock = new VirtualClock(1_000_000);
  readonly log: string[] = [];
  /** The address whose outbox is full. */
  fullFor: string | undefined;
  onClosed = (): void => {};
  readonly acceptor: Acceptor<'framework'>;

  constructor() {
    this.acceptor = new Acceptor<'framework'>({
      kinds: ['framework'],
      clock: this.clock,
      warn: (warning) => this.log.push(`warn ${warning}`),
      atEndOfTurn: (callback) => this.clock.after(0, callback),
      carrier: {
        send: (address, bytes) => this.#send(address, bytes),
        answer: (address, bytes) => void this.#send(address, bytes),
        discard: () => {},
        close: () => Promise.resolve(),
      },
      handlers: {
        onMessages: (peer, messages) => this.log.push(`got ${peer} ${messages.map(text).join(', ')}`),
        onClosed: (peer, code) => {
          this.log.push(`closed ${peer} ${code}`);
          this.onClosed();
        },
      },
    });
  }

  #send(address: string, bytes: Uint8Array): boolean {
    if (address === this.fullFor) return false;
    this.log.push(`> ${address} ${readMessages(openFrame(bytes), down).map(text).join(', ')}`);
    return true;
  }

  say(address: string, session: number, sequence: number, messages: AnyMessage[]): void {
    this.raw(address, encodeFrame(session, sequence, messages));
  }

  raw(address: string, bytes: Uint8Array): void {
    this.acceptor.onFrames([[address, bytes]]);
    this.clock.settle();
  }
}

const acceptorTable: readonly (readonly [name: string, steps: (bench: AcceptorBench) => void, log: readonly string[]])[] = [
  ['welcomes, and hands over what comes, once', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [kill('t')]);
    b.say('a', 5, 1, [kill('t')]);
    b.say('a', 5, 0, [hello()]);
  }, ['> a WELCOME', 'got framework-1 KILL t']],
  ['asks a peer that it does not know to start over, once', (b) => {
    b.say('a', 5, 3, [kill('t')]);
    b.say('a', 5, 4, [kill('t')]);
    b.clock.advance(1_000);
    b.say('a', 5, 5, [kill('t')]);
  }, ['> a RESET UNKNOWN_SESSION', '> a RESET UNKNOWN_SESSION']],
  ['ends the session when a frame is missing', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [kill('t')]);
    b.say('a', 5, 3, [kill('u')]);
    b.say('a', 6, 0, [hello()]);
  }, ['> a WELCOME', 'got framework-1 KILL t', '> a RESET GAP', 'closed framework-1 GAP', '> a WELCOME']],
  ['lets the next session of a peer replace the one before, and not the other way round', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [kill('t')]);
    b.say('a', 6, 0, [hello()]);
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 2, [kill('late')]);
    b.say('a', 6, 1, [kill('u')]);
  }, ['> a WELCOME', 'got framework-1 KILL t', 'closed framework-1 DISCONNECTED', '> a WELCOME', 'got framework-2 KILL u']],
  ['ends a session after pings without an answer', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [kill('t')]);
    b.clock.advance(PING_INTERVAL_MS * (PINGS_UNANSWERED_MAX + 1));
  }, ['> a WELCOME', 'got framework-1 KILL t', '> a PING', '> a PING', '> a PING', 'closed framework-1 PEER_LOST']],
  ['ends the session of a peer that never says anything', (b) => {
    b.say('a', 5, 0, [hello()]);
    for (let i = 1; i <= SILENT_SESSION_MS / PING_INTERVAL_MS; i++) {
      b.clock.advance(PING_INTERVAL_MS);
      b.say('a', 5, i, [{ type: 'PONG' }]);
    }
    b.clock.advance(PING_INTERVAL_MS);
  }, ['> a WELCOME', ...Array.from({ length: 12 }, () => '> a PING'), '> a RESET NOT_REGISTERED']],
  ['refuses another version, and a peer of another kind', (b) => {
    b.say('a', 5, 0, [hello({ version: 9, versionMin: 8 })]);
    b.say('b', 5, 0, [hello({ peer: 'agent' })]);
  }, [
    'warn a peer was refused: the peer speaks versions 8 to 9, this side 1 to 1', '> a RESET UNSUPPORTED_VERSION',
    'warn a peer was refused: peers of kind agent are not accepted here, only framework', '> b RESET NOT_REGISTERED']],
  ['speaks the older version of the two', (b) => b.say('a', 5, 0, [hello({ version: 9, versionMin: 1 })]), ['> a WELCOME']],
  ['answers garbage of a stranger once, and warns once', (b) => {
    for (let i = 0; i < 3; i++) b.raw('x', Uint8Array.from([0xc1, i]));
  }, [
    'warn a peer without a session sent a malformed frame: a frame holds the byte 0xc1 where a plain value was expected',
    '> x RESET MALFORMED_FRAME',
  ]],
  ['ends a session in which garbage comes, and no other', (b) => {
    for (const address of ['a', 'b']) {
      b.say(address, 5, 0, [hello()]);
      b.say(address, 5, 1, [kill('t')]);
    }
    b.raw('a', Uint8Array.from([0xc1]));
    b.say('b', 5, 2, [kill('u')]);
  }, ['> a WELCOME', 'got framework-1 KILL t', '> b WELCOME', 'got framework-2 KILL t',
    'warn framework-1 sent a malformed frame: a frame holds the byte 0xc1 where a plain value was expected',
    '> a RESET MALFORMED_FRAME',
    'closed framework-1 MALFORMED_FRAME', 'got framework-2 KILL u']],
  ['refuses a message that does not fit, warns once, and goes on', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [{ type: 'KILL' }, kill('t'), { type: 'NOPE' }]);
  }, ['> a WELCOME', 'warn framework-1 sent a message that was refused: KILL.taskId: expected required property, got nothing',
    '> a REJECTED INVALID_MESSAGE', '> a REJECTED INVALID_MESSAGE', 'got framework-1 KILL t']],
  ['sends one frame to each peer for a turn, and lets a reset follow it', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [kill('t')]);
    for (const offer of ['o', 'p']) b.acceptor.send('framework-1', { type: 'RESCIND', offerId: offer });
    b.acceptor.reset('framework-1', 'FRAMEWORK_REMOVED', 'gone');
    b.acceptor.send('framework-1', { type: 'RESCIND', offerId: 'late' });
    b.clock.settle();
  }, ['> a WELCOME', 'got framework-1 KILL t', '> a RESCIND o, RESCIND p', '> a RESET FRAMEWORK_REMOVED']],
  ['cuts off a peer that does not read', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [kill('t')]);
    b.fullFor = 'a';
    b.acceptor.send('framework-1', { type: 'RESCIND', offerId: 'o' });
    b.clock.settle();
  }, [
    '> a WELCOME',
    'got framework-1 KILL t',
    'warn framework-1 does not read fast enough and was cut off',
    'closed framework-1 OUTBOX_FULL',
  ]],
  ['hears a peer say goodbye', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [kill('t'), { type: 'RESET', code: 'CLOSED', message: '' } as AnyMessage]);
  }, ['> a WELCOME', 'got framework-1 KILL t', 'closed framework-1 CLOSED']],
  ['tells everybody when it closes', (b) => {
    b.say('a', 5, 0, [hello()]);
    b.say('a', 5, 1, [kill('t')]);
    void b.acceptor.close();
    b.clock.advance(60_000);
  }, ['> a WELCOME', 'got framework-1 KILL t', '> a RESET CLOSED']],
];

for (const [name, steps, log] of acceptorTable) {
  test(`the accepting end ${name}`, (t) => {
    const bench = new AcceptorBench();
    steps(bench);
    t.deepEqual(bench.log, log);
  });
}

test('acknowledgements ride along while the loop is busy, and leave soon', (t) => {
  const clock = new VirtualClock();
  const sent: string[] = [];
  const acceptor = new Acceptor<'agent'>({
    kinds: ['agent'],
    clock,
    warn: (warning) => t.fail(warning),
    atEndOfTurn: (callback) => clock.after(0, callback),
    carrier: {
      send: (_, bytes) => sent.push(readMessages(openFrame(bytes), familyShapes('agent').down).map((m) => m.type).join()) > 0,
      answer: () => {},
      discard: () => {},
      close: () => Promise.resolve(),
    },
    handlers: { onMessages: () => {}, onClosed: () => {} },
  });
  const exited = { type: 'EXECUTOR_EXITED', frameworkId: 'f', executorId: 'e', status: 0 } as AnyMessage;
  const greeting = hello({ peer: 'agent', shapes: familyShapes('agent').hash });
  const busy = [greeting, ...Array.from({ length: 20 }, () => exited)];
  acceptor.onFrames(busy.map((message, i) => ['a', encodeFrame(1, i, [message])]));
  acceptor.send('agent-1', { type: 'ACKNOWLEDGE', frameworkId: 'f', taskId: 't', uuid: 'u' });
  clock.settle();
  t.deepEqual(sent, ['WELCOME'], 'waits for company');
  acceptor.send('agent-1', { type: 'KILL', frameworkId: 'f', taskId: 't' });
  clock.settle();
  t.deepEqual(sent, ['WELCOME', 'ACKNOWLEDGE,KILL']);
  acceptor.send('agent-1', { type: 'ACKNOWLEDGE', frameworkId: 'f', taskId: 't', uuid: 'u' });
  clock.advance(5);
  t.is(sent.at(-1), 'ACKNOWLEDGE', 'leaves alone after 5 ms');
});

test('what a handler says while others are sent to leaves as well', (t) => {
  const bench = new AcceptorBench();
  for (const address of ['a', 'b']) {
    bench.say(address, 5, 0, [hello()]);
    bench.say(address, 5, 1, [kill('t')]);
  }
  bench.log.length = 0;
  bench.onClosed = () => bench.acceptor.send('framework-1', { type: 'RESCIND', offerId: 'news' });
  bench.fullFor = 'b';
  bench.acceptor.send('framework-1', { type: 'RESCIND', offerId: 'o' });
  bench.acceptor.send('framework-2', { type: 'RESCIND', offerId: 'p' });
  bench.clock.settle();
  t.deepEqual(bench.log.filter((line) => line.startsWith('>')), ['> a RESCIND o', '> a RESCIND news']);
});

test('sessions that say nothing are bounded, and make room once they speak', (t) => {
  const bench = new AcceptorBench();
  const greeting = encodeFrame(5, 0, [hello()]);
  bench.acceptor.onFrames(Array.from({ length: SILENT_SESSIONS_MAX }, (_, i) => [`s${i}`, greeting]));
  t.is(bench.log.splice(0).length, SILENT_SESSIONS_MAX);
  bench.raw('late', greeting);
  t.deepEqual(bench.log.splice(0), ['> late RESET OUTBOX_FULL']);
  bench.say('s0', 5, 1, [kill('t')]);
  bench.say('late', 6, 0, [hello()]);
  t.deepEqual(bench.log, ['got framework-1 KILL t', '> late WELCOME']);
});

test('strangers are remembered within a bound', (t) => {
  const bench = new AcceptorBench();
  const garbage = Uint8Array.from([0xc1]);
  for (let i = 0; i <= STRANGERS_MAX; i++) bench.raw(`x${i}`, garbage);
  bench.log.length = 0;
  bench.raw(`x${STRANGERS_MAX}`, garbage);
  t.deepEqual(bench.log, [], 'still known');
  bench.raw('x0', garbage);
  t.is(bench.log.length, 2, 'the longest known was forgotten: warned of and answered again');
});

test('two sides with different tables of shapes understand each other', (t) => {
  const bench = new AcceptorBench();
  bench.say('a', 5, 0, [hello({ shapes: 'another' })]);
  bench.say('a', 5, 1, [kill('t')]);
  bench.acceptor.send('framework-1', { type: 'RESCIND', offerId: 'o' });
  bench.clock.settle();
  t.deepEqual(bench.log, ['> a WELCOME', 'got framework-1 KILL t', '> a RESCIND o']);
  t.true(Object.hasOwn(families, 'framework'));
});

test('what does not fit one frame goes in several, in order; what fits none ends the session', (t) => {
  const outgoing = new Outgoing(1);
  for (let i = 0; i < 600; i++) outgoing.push(kill(`t${i}`));
  const sizes = outgoing.frames(up).map((bytes, i) => {
    const frame = openFrame(bytes);
    t.is(frame.sequence, i);
    return frame.messages.length;
  });
  t.deepEqual(sizes, [BATCH_MESSAGES, BATCH_MESSAGES, 600 - 2 * BATCH_MESSAGES]);
  const body = new Uint8Array(TASK_BODY_BYTES_MAX);
  const accept = (tasks: number): AnyMessage => {
    const task = { taskId: 't', name: '', agentId: 'a', resources: NO_RESOURCES, body };
    const taskInfos = Array.from({ length: tasks }, () => task);
    return { type: 'ACCEPT', offerIds: ['o'], operations: [{ type: 'LAUNCH', taskInfos }] } as AnyMessage;
  };
  for (let i = 0; i < 30; i++) outgoing.push(accept(1));
  const frames = outgoing.frames(up);
  t.true(frames.every((frame) => frame.length <= FRAME_BYTES_MAX));
  t.is(frames.map((frame) => openFrame(frame).messages.length).reduce((sum, count) => sum + count), 30);
  t.deepEqual(frames.map((frame) => openFrame(frame).sequence), frames.map((_, i) => i + 3));
  outgoing.push(accept(17));
  const tooLarge = t.throws(() => outgoing.frames(up), { instanceOf: OversizeError });
  t.regex(tooLarge.message, /message ACCEPT of \d+ bytes is larger than a frame/);
});

/** What a lossy network does to each frame, drawn from a seed by fast-check. */
const anyFate = fc.array(
  fc.constantFrom<readonly number[]>([0], [0], [1], [3], [], [0, 2], [7]),
  { minLength: 5, maxLength: 60 },
);

test('whatever the network loses, doubles or reorders: once, in order, or the session ends on both sides', (t) => {
  fc.assert(
    fc.property(anyFate, fc.integer({ min: 1, max: 60 }), (fates, count) => {
      const clock = new VirtualClock();
      let passage = 0;
      let lossy = true;
      const network = new MemoryNetwork({ clock, fate: () => (lossy ? fates[passage++ % fates.length]! : [0]) });
      const sessions = new Map<string, string[]>();
      const replies: string[][] = [];
      const acceptor = network.acceptor('master', ['framework'])({
        onMessages: (peer, messages) => {
          const heard = sessions.get(peer) ?? [];
          sessions.set(peer, heard);
          for (const message of messages) {
            heard.push((message as { taskId: string }).taskId);
            acceptor.send(peer, { type: 'RESCIND', offerId: heard.at(-1)! });
          }
        },
        onClosed: () => {},
      });
      let session = -1;
      let open = false;
      const sent: number[] = [];
      const link = network.opener('framework', 'master', 'framework')({
        onOpen: () => {
          session++;
          open = true;
          sent.push(0);
          replies.push([]);
        },
        onMessages: (messages) => {
          for (const message of messages) replies[session]!.push((message as { offerId: string }).offerId);
        },
        onClosed: () => {
          open = false;
        },
      });
      const say = (): void => {
        if (open) link.send({ type: 'KILL', taskId: `${session}:${sent[session]!++}` });
      };
      for (let i = 0; i < count; i++) {
        say();
        clock.advance(i % 3);
      }
      clock.advance(30_000);
      lossy = false;
      // Long enough to notice what was lost last, too short for a silent session to be ended.
      clock.advance(25_000);
      say();
      clock.advance(1_000);

      for (const heard of [...sessions.values(), ...replies]) {
        const [of] = (heard[0] ?? '0:0').split(':');
        t.deepEqual(heard, heard.map((_, i) => `${of}:${i}`), 'each session: a prefix of what was said, once, in order');
      }
      t.true(open, 'a healthy network carries again');
      const before = replies[session]!.length;
      say();
      clock.advance(1);
      t.is(replies[session]!.length, before + 1);
    }),
    { numRuns: 150 },
  );
});

test('a cut, a crash and a restart: the peer finds the next acceptor by itself', (t) => {
  const clock = new VirtualClock();
  const network = new MemoryNetwork({ clock });
  const log: string[] = [];
  const listen = (name: string) =>
    network.acceptor('master', ['framework'])({
      onMessages: (_, messages) => log.push(`${name} got ${messages.map(text).join()}`),
      onClosed: (_, code) => log.push(`${name} ${code}`),
    });
  listen('first');
  const link = network.opener('f', 'master', 'framework')({
    onOpen: () => {
      log.push('open');
      link.send(kill('t') as SchedulerCall);
    },
    onMessages: () => {},
    onClosed: (code) => log.push(`closed ${code}`),
  });
  clock.advance(1);
  network.cut('f', 'master');
  clock.advance(30_000);
  network.heal('f', 'master');
  clock.advance(10_000);
  t.deepEqual(
    log.splice(0).sort(),
    ['closed PEER_LOST', 'first PEER_LOST', 'first got KILL t', 'first got KILL t', 'open', 'open'],
  );
  network.crash('master');
  listen('second');
  clock.advance(30_000);
  t.deepEqual(log, ['closed PEER_LOST', 'open', 'second got KILL t']);
});

test('the virtual clock fires in order of time, then of setting, and forgets what is cancelled', (t) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(50), fc.boolean()), { maxLength: 40 }), (timers) => {
      const clock = new VirtualClock(0);
      const fired: [number, number][] = [];
      timers.forEach(([ms, cancelled], i) => {
        const cancel = clock.after(ms, () => fired.push([clock.now(), i]));
        if (cancelled) cancel();
      });
      clock.advance(100);
      const expected = timers.map(([ms], i): [number, number] => [ms, i]).filter(([, i]) => !timers[i]![1]);
      t.deepEqual(fired, expected.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
      t.is(clock.now(), 100);
      t.is(clock.next(), undefined);
    }),
  );
});
