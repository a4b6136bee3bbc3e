/**
 * The table of message shapes: how each message of one direction travels as a row of its fields' values instead of as
 * a map with names.
 *
 * It is generated from the schemas: a message is `[number of its type, field, field, ...]` in the schema's order, an
 * object inside it `[field, field, ...]`, an absent optional field nil. So the order in which code writes its fields and
 * which of the optional ones are there make no difference, unlike with msgpackr's records, whose table would need a row
 * for each combination. Unions and what is no object travel as they are.
 *
 * The functions are compiled from the schemas' field names, as TypeBox compiles its checks: what they build has one
 * hidden class per message, which is most of the speed.
 */
import { KindGuard, type TArray, type TObject, type TSchema } from '@sinclair/typebox';
import type { AnyMessage, MessageTable } from './families.js';
import { FrameError } from './frame-error.js';

type Convert = (value: unknown) => unknown;

/** Rows of one direction of one family. */
export interface Shapes {
  /** What the table is: two sides whose descriptions are equal understand each other's rows. */
  readonly description: string;
  toRow(message: AnyMessage): unknown;
  /** Throws FrameError for what is no row of this table. Says nothing about the values: that is for the checks. */
  fromRow(row: readonly unknown[]): AnyMessage;
}

export function compileShapes(table: MessageTable): Shapes {
  const types = Object.keys(table);
  const encoders = new Map<string, Convert>();
  const decoders: Convert[] = [];
  types.forEach((type, number) => {
    const schema = table[type]!;
    if (!KindGuard.IsObject(schema)) throw new TypeError(`the schema of message ${type} must be an object`);
    encoders.set(type, compileEncoder(schema, number));
    decoders.push(compileDecoder(schema, type));
  });
  return {
    description: types.map((type) => `${type}${describe(table[type]!)}`).join(';'),
    toRow(message) {
      const encode = encoders.get(message.type);
      if (encode === undefined) throw new TypeError(`${message.type} is no message of this direction`);
      return encode(message);
    },
    fromRow(row) {
      const decode = decoders[row[0] as number];
      if (decode === undefined) throw new FrameError(`a message of the unknown type number ${String(row[0])}`);
      return decode(row) as AnyMessage;
    },
  };
}

function describe(schema: TSchema): string {
  if (KindGuard.IsObject(schema)) {
    return `{${Object.entries(schema.properties).map(([name, field]) => `${name}${describe(field)}`).join(',')}}`;
  }
  return KindGuard.IsArray(schema) ? `[${describe(schema.items)}]` : '';
}

/** True if values of this schema travel differently from how they are. */
function hasRows(schema: TSchema): boolean {
  return KindGuard.IsObject(schema) || (KindGuard.IsArray(schema) && hasRows(schema.items));
}

/** Fields that travel: all but the message's own `type`, which its number stands for. */
function fieldsOf(schema: TObject, isMessage: boolean): [name: string, schema: TSchema][] {
  return Object.entries(schema.properties).filter(([name]) => !(isMessage && name === 'type'));
}

function compileEncoder(schema: TObject, number?: number): Convert {
  const inner: Convert[] = [];
  const parts = number === undefined ? [] : [String(number)];
  for (const [name, field] of fieldsOf(schema, number !== undefined)) {
    const access = `o[${JSON.stringify(name)}]`;
    if (!hasRows(field)) parts.push(access);
    else parts.push(`${access} === undefined ? undefined : inner[${inner.push(encoderOf(field)) - 1}](${access})`);
  }
  return compile('o', `return [${parts.join(', ')}];`, inner);
}

function encoderOf(schema: TSchema): Convert {
  if (KindGuard.IsObject(schema)) return compileEncoder(schema);
  const item = encoderOf((schema as TArray).items);
  return (list) => (list as unknown[]).map(item);
}

function compileDecoder(schema: TObject, type?: string): Convert {
  const inner: Convert[] = [];
  const required: string[] = type === undefined ? [] : [`type: ${JSON.stringify(type)}`];
  const optional: string[] = [];
  const fields = fieldsOf(schema, type !== undefined);
  const offset = type === undefined ? 0 : 1;
  fields.forEach(([name, field], i) => {
    const cell = `r[${i + offset}]`;
    const value = hasRows(field) ? `inner[${inner.push(decoderOf(field)) - 1}](${cell})` : cell;
    if (KindGuard.IsOptional(field)) optional.push(`if (${cell} !== null) o[${JSON.stringify(name)}] = ${value};`);
    else required.push(`${JSON.stringify(name)}: ${value}`);
  });
  const what = JSON.stringify(type ?? 'an object');
  const guard = `if (!Array.isArray(r) || r.length !== ${fields.length + offset}) fail(${what}, r);`;
  return compile('r', `${guard} const o = { ${required.join(', ')} }; ${optional.join(' ')} return o;`, inner);
}

function decoderOf(schema: TSchema): Convert {
  if (KindGuard.IsObject(schema)) return compileDecoder(schema);
  const item = decoderOf((schema as TArray).items);
  return (list) => {
    if (!Array.isArray(list)) failRow('a list', list);
    return list.map(item);
  };
}

/** `source` is made of field names out of our own schemas, quoted, and of nothing else. */
function compile(parameter: string, source: string, inner: readonly Convert[]): Convert {
  // oxlint-disable-next-line no-new-func, typescript/no-implied-eval -- as TypeBox does: only our own schemas are compiled
  const make = new Function('inner', 'fail', `return function (${parameter}) { ${source} };`) as (
    inner: readonly Convert[],
    fail: typeof failRow,
  ) => Convert;
  return make(inner, failRow);
}

function failRow(what: string, got: unknown): never {
  const is = Array.isArray(got) ? `has ${got.length} values, which it never has` : `is of type ${typeof got}`;
  throw new FrameError(`the row of ${what} ${is}`);
}
