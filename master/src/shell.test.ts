import { setImmediate as nextTurn } from 'node:timers/promises';
import { MemoryStore } from '@proffer/sdk/service';
import { VirtualClock, type AcceptorLink } from '@proffer/sdk/transport';
import test from 'ava';
import { OperatorError, type Effect, type Input } from './core/types.js';
import { Registry } from './registry/registry.js';
import { Shell, type ToPeer } from './shell.js';

/** A shell around a core that follows a script, with everything it was told and everything it did, in order. */
function scene(decide: (input: Input, now: number) => readonly Effect[], store = new MemoryStore({ manual: true })) {
  const done: string[] = [];
  const clock = new VirtualClock(1_000);
  const failures: Error[] = [];
  const core = {
    apply(input: Input, now: number): readonly Effect[] {
      done.push(input.type === 'durable' ? `durable ${input.sequence}` : input.type === 'message' ? `message ${input.message.type}` : input.type);
      return decide(input, now);
    },
  };
  const link: AcceptorLink<ToPeer> = {
    send: (peer, message) => void done.push(`send ${peer} ${message.type}`),
    reset: (peer, code) => void done.push(`reset ${peer} ${code}`),
    close: async () => undefined,
  };
  const shell = new Shell({
    core,
    registry: new Registry(store),
    clock,
    meters: { tick: () => undefined, commit: () => undefined },
    onChanged: () => undefined,
    onFailure: (error) => void failures.push(error),
  });
  shell.start(link);
  return { shell, done, clock, store, failures };
}

const REVIVE = { type: 'REVIVE' } as const;
const answer: Effect = { type: 'send', peer: 'p1', message: { type: 'RESCIND', offerId: 'o' } };
const persist = (sequence: number): Effect => ({ type: 'persist', sequence, operation: { type: 'setWeight', role: 'r', weight: sequence } });

test('nothing happens inside the receive callback; one tick applies all that came in, in order', async (t) => {
  const { shell, done } = scene((input) => (input.type === 'message' ? [answer] : []));
  shell.onMessages('p1', [REVIVE, { type: 'SUPPRESS' }]);
  shell.onClosed('p1', 'PEER_LOST');
  t.deepEqual(done, []);
  await nextTurn();
  t.deepEqual(done, ['time', 'message REVIVE', 'send p1 RESCIND', 'message SUPPRESS', 'send p1 RESCIND', 'peerClosed']);
  t.deepEqual([shell.received, shell.sent], [2, 2]);
});

test('what depends on a durable record is sent only once the disk has it; a tick writes one batch', async (t) => {
  const { shell, done, store } = scene((input) => {
    if (input.type === 'message') return [persist(input.message.type === 'REVIVE' ? 1 : 2)];
    return input.type === 'durable' ? [answer] : [];
  });
  shell.onMessages('p1', [REVIVE, { type: 'SUPPRESS' }]);
  await nextTurn();
  t.is(store.pending, 1);
  t.false(done.includes('send p1 RESCIND'));
  store.sync();
  // One turn in which the promise resolves, one for the tick that follows.
  await nextTurn();
  await nextTurn();
  t.deepEqual(done.slice(-2), ['durable 2', 'send p1 RESCIND']);
  t.deepEqual(new Registry(store.crash()).state().weights, { r: 2 });
});

test('a disk that refuses stops the master: nothing is applied any more, and the error says why', async (t) => {
  const { shell, done, store, failures } = scene((input) => (input.type === 'message' ? [persist(1)] : []));
  shell.onMessages('p1', [REVIVE]);
  await nextTurn();
  store.fail(new Error('no space left on device'));
  await nextTurn();
  t.deepEqual(failures.map(({ message }) => message), ['the registry cannot write, the master stops: no space left on device']);
  const before = done.length;
  shell.onMessages('p1', [REVIVE]);
  await nextTurn();
  t.is(done.length, before);
});

test('the newest wake counts, long waits are taken in parts, and time never goes back', async (t) => {
  const month = 31 * 24 * 3600 * 1000;
  const times: number[] = [];
  const { shell, clock } = scene((input, now) => {
    if (input.type === 'time') times.push(now);
    if (times.length === 1 && input.type === 'time') return [{ type: 'wake', at: 5_000 }, { type: 'wake', at: 1_000 + month }];
    return [];
  });
  await nextTurn();
  clock.advance(month - 1);
  await nextTurn();
  t.deepEqual(times, [1_000]);
  clock.advance(1);
  await nextTurn();
  t.deepEqual(times, [1_000, 1_000 + month]);
  await shell.close();
});

test("an operator's call comes after what is waiting, and its refusal changes nothing", async (t) => {
  const { shell, done } = scene((input) => {
    if (input.type === 'operator') throw new OperatorError('NOT_FOUND', 'there is no task "x"');
    return [];
  });
  shell.onMessages('p1', [REVIVE]);
  t.throws(() => shell.operate({ type: 'killTask', frameworkId: 'f', taskId: 'x' }), { instanceOf: OperatorError });
  t.deepEqual(done, ['time', 'message REVIVE', 'operator']);
  await shell.close();
});

test('closing applies what came in and waits until it is written', async (t) => {
  const { shell, store } = scene((input) => (input.type === 'message' ? [persist(7)] : []), new MemoryStore());
  shell.onMessages('p1', [REVIVE]);
  await shell.close();
  t.deepEqual(new Registry(store.crash()).state().weights, { r: 7 });
});
