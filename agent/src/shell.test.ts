import test from 'ava';
import { createLogger, type Store } from '@proffer/sdk/service';
import { systemClock } from '@proffer/sdk/transport';
import type { AgentCore } from './core/core.js';
import type { AgentEffect, AgentInput } from './core/types.js';
import { Inbox } from './inbox.js';
import type { Prober } from './health/prober.js';
import type { Sandboxes } from './sandboxes.js';
import { Shell } from './shell.js';
import { FakeContainers } from './testing/index.js';

test('what an effect causes waits until the effects before it are done', (t) => {
  const done: string[] = [];
  const said = (message: string): AgentEffect => ({ type: 'log', level: 'info', message });
  const inbox: Inbox = new Inbox(
    (input) => (input.type === 'start' ? [said('one'), said('two')] : [said('three')]),
    (effect) => {
      if (effect.type !== 'log') return;
      if (effect.message === 'one') inbox.push({ type: 'time' });
      done.push(effect.message);
    },
  );
  inbox.push({ type: 'start' });
  t.deepEqual(done, ['one', 'two', 'three']);
  inbox.close();
  inbox.push({ type: 'start' });
  t.is(done.length, 3);
});

test('a store that refuses is the end: nothing is done any more that would depend on it', async (t) => {
  const store: Store = {
    get: () => undefined,
    entries: () => [],
    write: () => Promise.reject(new Error('the disk is full')),
    close: () => Promise.resolve(),
  };
  const inputs: AgentInput['type'][] = [];
  const apply = (input: AgentInput): AgentEffect[] => {
    inputs.push(input.type);
    return input.type === 'start' ? [{ type: 'persist', sequence: 1, operations: [{ type: 'forgetAgent' }] }] : [];
  };
  const failure = await new Promise<Error>((onFailure) => {
    const shell = new Shell({
      core: { apply } as unknown as AgentCore,
      store,
      containerizer: new FakeContainers().containerizer({
        onProgress: () => undefined, onStarted: () => undefined, onFailed: () => undefined, onExited: () => undefined,
      }),
      prober: {} as Prober,
      sandboxes: {} as Sandboxes,
      clock: systemClock,
      log: createLogger({ name: 'test', level: 'silent' }),
      onStopped: () => undefined,
      onFailure: (error) => {
        shell.input({ type: 'time' });
        onFailure(error);
      },
    });
    void shell.start();
  });
  t.is(failure.message, 'the disk is full');
  t.deepEqual(inputs, ['start']);
});
