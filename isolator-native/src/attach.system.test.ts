import { readdirSync } from 'node:fs';
import test from 'ava';
import { attach } from './attach.js';
import { openExec } from './exec-session.js';
import { recover } from './recover.js';
import { allNamespaces, Box, isRoot, nobody, rootTitle, until, usualMounts } from './testing/box.js';
import type { Teardown } from './testing/box.js';
import type { Attachment, AttachOptions, Container, LaunchSpec } from './types/index.js';

const rootTest = isRoot ? test.serial : test.skip;
const MEBIBYTE = 1 << 20;

const ways: Readonly<Record<string, Partial<LaunchSpec>>> = {
  namespaces: { namespaces: allNamespaces, mounts: usualMounts },
  plain: {},
};

function newBox(t: Teardown): Box {
  const box = new Box();
  t.teardown(() => box.remove());
  return box;
}

/** A client that keeps what it hears. */
class Listener {
  stdout = '';
  stderr = '';
  attachment!: Attachment;

  async attach(container: Container | string, options: Partial<AttachOptions> = {}): Promise<this> {
    this.attachment = await attach(container, { onOutput: this.hear, ...options });
    return this;
  }

  readonly hear = (stream: 'stdout' | 'stderr', bytes: Buffer): void => {
    this[stream] += bytes.toString('latin1');
  };

  say(text: string): void {
    this.attachment.write(Buffer.from(text));
  }
}

async function codeOf(container: Container): Promise<number | string | null> {
  container.ref();
  const status = await container.exited;
  return status.kind === 'exited' ? (status.code ?? status.signal) : status.reason;
}

for (const [way, fields] of Object.entries(ways)) {
  rootTest(rootTitle(`${way}: several clients hear both streams, any of them writes, and the end of input ends cat`), async (t) => {
    const box = newBox(t);
    const container = await box.launch(box.shell('echo ready >&2; cat; exit 7', { ...fields, attach: true, stdin: true }));
    await until('it runs', () => box.output('stderr') === 'ready\n');
    const [one, two] = [await new Listener().attach(container, { replayBytes: 4096 }), await new Listener().attach(box.runtime)];
    t.deepEqual([one.attachment.terminal, one.attachment.stdin, one.stderr === 'ready\n', two.stderr], [false, true, true, '']);
    one.say('from one\n');
    await until('both hear it', () => one.stdout === 'from one\n' && two.stdout === 'from one\n');
    one.attachment.detach();
    t.is(await one.attachment.closed, 'detached');
    two.say('from two\n');
    await until('the other hears it', () => two.stdout === 'from one\nfrom two\n');
    t.is(container.status, undefined, 'who leaves does not stop it');
    const again = await new Listener().attach(await recover(box.runtime), { replayBytes: 9 });
    await until('the newest output is told', () => again.stdout === 'from two\n');
    two.attachment.closeInput();
    t.is(await codeOf(container), 7);
    t.is(await two.attachment.closed, 'ended');
    t.is(box.output('stdout'), 'from one\nfrom two\n', 'logs are written all the while');
    t.deepEqual(readdirSync(box.runtime).sort(), ['exit', 'state']);
    await t.throwsAsync(attach(container, { onOutput: () => {} }), { code: 'ENOENT' });
  });

  rootTest(rootTitle(`${way}: a terminal has its size, follows a resize, and Ctrl-C reaches the foreground`), async (t) => {
    const box = newBox(t);
    const script = 'stty size; trap "stty size" WINCH; trap "echo interrupted; exit 3" INT; tty; while :; do sleep 0.05; done';
    const terminal = { columns: 100, rows: 30 };
    const container = await box.launch(box.shell(script, { ...fields, attach: true, stdin: true, terminal }));
    const listener = await new Listener().attach(container, { replayBytes: 4096 });
    await until('it has a terminal', () => /30 100\r\n\/dev\/pts\/\d+\r\n/.test(listener.stdout));
    t.true(listener.attachment.terminal);
    listener.attachment.resize(120, 40);
    await until('it has the new size', () => listener.stdout.includes('40 120\r\n'));
    listener.say('\u0003');
    t.is(await codeOf(container), 3);
    t.is(await listener.attachment.closed, 'ended');
    t.true(listener.stdout.endsWith('interrupted\r\n'));
    t.true(box.output('stdout').endsWith('interrupted\r\n'));
  });

  rootTest(rootTitle(`${way}: a session has streams or a terminal, its own end, and can be killed`), async (t) => {
    const box = newBox(t);
    const container = await box.launch(box.shell('while :; do sleep 1; done', fields));
    const shell = { argv: ['sh', '-c', 'echo err >&2; cat; exit 5'], env: { PATH: '/usr/bin:/bin' }, user: nobody };
    const piped = new Listener();
    const session = await openExec(container, { ...shell, stdin: true }, { onOutput: piped.hear });
    session.attachment.write(Buffer.from('hello'));
    session.attachment.closeInput();
    t.like(await session.ended, { code: 5, signal: null, timedOut: false });
    t.is(await session.attachment.closed, 'ended');
    t.deepEqual([piped.stdout, piped.stderr], ['hello', 'err\n']);

    const seen = new Listener();
    const terminal = { ...shell, argv: ['sh', '-c', 'stty size; exec sleep 60'], terminal: { columns: 90, rows: 20 } };
    const killed = await openExec(container, { ...terminal, stdin: true }, { onOutput: seen.hear });
    await until('it has a terminal', () => seen.stdout === '20 90\r\n');
    t.true(killed.kill('SIGTERM'));
    t.like(await killed.ended, { code: null, signal: 'SIGTERM' });
    t.false(killed.kill('SIGTERM'));
    const missing = openExec(container, { argv: ['nothing-like-this'] }, { onOutput: () => {} });
    await t.throwsAsync(missing, { code: 'ENOENT', message: /^exec nothing-like-this/ });
    t.is(container.status, undefined);
  });
}

rootTest(rootTitle('100 MB come through whole, and a client that does not read is dropped while the task goes on'), async (t) => {
  const box = newBox(t);
  const bytes = 100 * MEBIBYTE;
  const script = `read go; head -c ${bytes} /dev/zero; exit 9`;
  const container = await box.launch(box.shell(script, { attach: true, stdin: true }));
  let heard = 0;
  const reader = await attach(container, { patient: true, onOutput: (_stream, { length }) => (heard += length) });
  const sleeper = await attach(container, { onOutput: () => {} });
  sleeper.pause();
  const started = Date.now();
  reader.write(Buffer.from('go\n'));
  t.is(await codeOf(container), 9);
  t.is(await reader.closed, 'ended');
  t.is(heard, bytes);
  t.log(`${Date.now() - started} ms, of which the sleeping client may take 2000`);
  sleeper.resume();
  t.is(await sleeper.closed, 'dropped');
});
