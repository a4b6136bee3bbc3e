import { createHash } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { arbitraryOf } from './arbitrary.test-helper.js';
import {
  compileChecks,
  encodeFrame,
  families,
  familyShapes,
  FRAME_BYTES_MAX,
  FRAME_DEPTH_MAX,
  FRAME_MESSAGES_MAX,
  FRAME_VALUES_MAX,
  FrameError,
  linkMessages,
  openFrame,
  PEER_KINDS,
  readMessages,
  type AnyMessage,
  type MessageTable,
  type Shapes,
} from './index.js';

const directions: readonly (readonly [name: string, table: MessageTable, shapes: Shapes | undefined])[] = [
  ['link', linkMessages, undefined],
  ...PEER_KINDS.flatMap(
    (kind) => (['up', 'down'] as const).map((way) => [`${kind} ${way}`, families[kind][way], familyShapes(kind)[way]] as const),
  ),
];

for (const [direction, table, shapes] of directions) {
  test(`every message of "${direction}" passes its check and comes back as it went, as a row and as a map`, (t) => {
    const check = compileChecks(table);
    for (const [type, schema] of Object.entries(table)) {
      fc.assert(
        fc.property(arbitraryOf(schema) as fc.Arbitrary<AnyMessage>, fc.nat(), fc.nat(), (message, session, sequence) => {
          t.is(check(message), undefined, type);
          for (const used of new Set([shapes, undefined])) {
            const frame = openFrame(encodeFrame(session, sequence, [message], used));
            t.is(frame.session, session);
            t.is(frame.sequence, sequence);
            t.deepEqual(readMessages(frame, used), [message], type);
          }
        }),
        { numRuns: 30 },
      );
    }
  });
}

test('the order of fields makes no difference, and a field that is undefined is absent', (t) => {
  const { up } = familyShapes('framework');
  const status = { uuid: 'u', taskId: 'a', agentId: 'b', type: 'ACKNOWLEDGE' };
  t.deepEqual(
    readMessages(openFrame(encodeFrame(1, 0, [status], up)), up),
    [{ type: 'ACKNOWLEDGE', agentId: 'b', taskId: 'a', uuid: 'u' }],
  );
  for (const shapes of [up, undefined]) {
    const kill = { type: 'KILL', taskId: 'a', agentId: undefined };
    t.deepEqual(readMessages(openFrame(encodeFrame(1, 0, [kill], shapes)), shapes), [{ type: 'KILL', taskId: 'a' }]);
  }
});

test('the hash of a family changes with its schemas, and is the same for the same ones', (t) => {
  const hashes = PEER_KINDS.map((kind) => familyShapes(kind).hash);
  t.is(new Set(hashes).size, PEER_KINDS.length);
  for (const hash of hashes) t.regex(hash, /^[0-9a-f]{16}$/);
});

test('byte fields stay valid after further frames were encoded and decoded', (t) => {
  const { up } = familyShapes('framework');
  const data = new Uint8Array(5000).map((_, i) => i % 251);
  const message = { type: 'MESSAGE', agentId: 'a', executorId: 'e', data };
  const [back] = readMessages(openFrame(encodeFrame(1, 0, [message], up)), up) as { type: string; data: Uint8Array }[];
  const before = createHash('sha256').update(back!.data).digest('hex');
  for (let i = 0; i < 100; i++) {
    readMessages(
      openFrame(encodeFrame(1, i, [{ ...message, data: new Uint8Array(5000) } as AnyMessage], up)),
      up,
    );
  }
  t.is(createHash('sha256').update(back!.data).digest('hex'), before);
  t.is(back!.data.constructor, Uint8Array);
});

/** Whatever the bytes are: a frame, or FrameError. */
function survives(bytes: Uint8Array): 'frame' | 'refused' {
  try {
    const frame = openFrame(bytes);
    for (const [, , shapes] of directions) {
      try {
        readMessages(frame, shapes);
      } catch (error) {
        if (!(error instanceof FrameError)) throw error;
      }
    }
    return 'frame';
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return 'refused';
  }
}

test('random bytes are refused with FrameError and nothing else', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      survives(bytes);
      t.pass();
    }),
    { numRuns: 3000 },
  );
});

test('valid frames with bytes changed, cut or added are frames or refused with FrameError, and never pass unseen', (t) => {
  const samples = directions.flatMap(([, table, shapes]) =>
    Object.values(table).map(
      (schema) => encodeFrame(
        1_700_000_000_000,
        7,
        fc.sample(arbitraryOf(schema) as fc.Arbitrary<AnyMessage>, { numRuns: 2, seed: 1 }),
        shapes,
      ),
    ),
  );
  const mutation = fc.record({
    sample: fc.constantFrom(...samples),
    at: fc.nat(),
    byte: fc.nat(255),
    cut: fc.nat(),
    extra: fc.uint8Array({ minLength: 1, maxLength: 5 }),
  });
  fc.assert(
    fc.property(mutation, ({ sample, at, byte, cut, extra }) => {
      const changed = Uint8Array.from(sample);
      changed[at % changed.length] = byte;
      survives(changed);
      t.is(survives(sample.subarray(0, cut % sample.length)), 'refused');
      t.is(survives(Uint8Array.from([...sample, ...extra])), 'refused');
    }),
    { numRuns: 2000 },
  );
});

const msgpack = new Packr({ useRecords: false });
const records = new Packr();

test('hostile frames are refused before anything is built from them', (t) => {
  const nested = (depth: number): Uint8Array => Uint8Array.from([
    0x93,
    1,
    0,
    ...Array.from({ length: depth - 1 }, () => 0x91),
    0x90,
  ]);
  t.is(survives(nested(FRAME_DEPTH_MAX - 1)), 'frame');
  for (const [name, bytes] of Object.entries({
    'nested too deep': nested(FRAME_DEPTH_MAX + 1),
    'nested a million deep': new Uint8Array(1_000_000).fill(0x91),
    'a list of 4 billion': Uint8Array.from([0x93, 1, 0, 0xdd, 0xff, 0xff, 0xff, 0xff]),
    'a map of 4 billion': Uint8Array.from([0x93, 1, 0, 0xdf, 0xff, 0xff, 0xff, 0xff]),
    'a string of 4 billion': Uint8Array.from([0x93, 1, 0, 0xdb, 0xff, 0xff, 0xff, 0xff]),
    'bytes of 4 billion': Uint8Array.from([0x93, 1, 0, 0xc6, 0xff, 0xff, 0xff, 0xff]),
    'a record of its own': records.pack([1, 0, [{ type: 'PING', own: 1 }]]),
    'a date': msgpack.pack([1, 0, [{ type: 'PING', at: new Date() }]]),
    'a set': new Packr({ useRecords: false, moreTypes: true }).pack([1, 0, [new Set([1])]]),
    'the byte that is never used': Uint8Array.from([0x93, 1, 0, 0xc1]),
    nothing: new Uint8Array(0),
  })) {
    t.is(survives(bytes), 'refused', name);
  }
});

const shapesOfFrames = [
  ['no list', { a: 1 }],
  ['too short', [1, 0]],
  ['too long', [1, 0, [], 1]],
  ['a negative session', [-1, 0, []]],
  ['a session that is text', ['1', 0, []]],
  ['a broken sequence', [1, 0.5, []]],
  ['no messages', [1, 0, {}]],
] as const;

for (const [name, value] of shapesOfFrames) {
  test(`what is no frame is refused: ${name}`, (t) => {
    t.throws(() => openFrame(msgpack.pack(value)), { instanceOf: FrameError });
  });
}

test('what is no message is refused', (t) => {
  const { up } = familyShapes('framework');
  for (const message of [1, null, 'KILL', {}, { type: 5 }, [], [99], ['0'], [0], [-1], [5, 'a', 'b', 'c', 'd', 'e', 'f', 'g']]) {
    t.throws(
      () => readMessages(openFrame(msgpack.pack([1, 0, [message]])), up),
      { instanceOf: FrameError },
      JSON.stringify(message),
    );
  }
  t.throws(
    () => readMessages(openFrame(encodeFrame(1, 0, [{ type: 'TEARDOWN' }], up))),
    { message: /no table of shapes was agreed/ },
  );
});

test('limits of a frame hold at the limit and not past it', (t) => {
  const bytesFrame = (length: number): Uint8Array => msgpack.pack([1, 0, [{ type: 'X', data: new Uint8Array(length) }]]);
  const overhead = bytesFrame(FRAME_BYTES_MAX / 2).length - FRAME_BYTES_MAX / 2;
  t.is(bytesFrame(FRAME_BYTES_MAX - overhead).length, FRAME_BYTES_MAX);
  t.is(survives(bytesFrame(FRAME_BYTES_MAX - overhead)), 'frame');
  t.throws(
    () => openFrame(bytesFrame(FRAME_BYTES_MAX - overhead + 1)),
    { instanceOf: FrameError, message: /at most 8388608 bytes/ },
  );

  const messagesFrame = (count: number): Uint8Array => encodeFrame(1, 0, Array.from({ length: count }, () => ({ type: 'PING' })));
  t.is(openFrame(messagesFrame(FRAME_MESSAGES_MAX)).messages.length, FRAME_MESSAGES_MAX);
  t.throws(() => openFrame(messagesFrame(FRAME_MESSAGES_MAX + 1)), { instanceOf: FrameError, message: /at most 4096 messages/ });

  // The frame itself, its two numbers, its messages, and one message that is a list.
  const valuesFrame = (count: number): Uint8Array => msgpack.pack([1, 0, [Array.from({ length: count - 5 }, () => null)]]);
  t.notThrows(() => openFrame(valuesFrame(FRAME_VALUES_MAX)));
  t.throws(() => openFrame(valuesFrame(FRAME_VALUES_MAX + 1)), { instanceOf: FrameError, message: /at most 1000000 values/ });
});
