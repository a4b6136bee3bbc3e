/** The pieces that the schemas of messages and of the model are made of. */
import { Type, type TSchema } from '@sinclair/typebox';
import type * as model from '../model/index.js';
import { DATA_BYTES_MAX, NAME_LENGTH_MAX, PAIRS_MAX, TASK_BODY_BYTES_MAX, TEXT_LENGTH_MAX } from './limits.js';

/** No fields but those that are named. */
export const closed = { additionalProperties: false } as const;

/** One of these strings. */
export function literals<const T extends readonly string[]>(values: T) {
  return Type.Unsafe<T[number]>(Type.Union(values.map((value) => Type.Literal(value))));
}

/** This schema, typed as the model's interface. */
export function as<T>(schema: TSchema) {
  return Type.Unsafe<T>(schema);
}

export const Id = Type.String({ minLength: 1, maxLength: 255 });
export const Name = Type.String({ maxLength: NAME_LENGTH_MAX });
export const Text = Type.String({ maxLength: TEXT_LENGTH_MAX });
export const Bytes = Type.Uint8Array({ maxByteLength: DATA_BYTES_MAX });
export const Body = Type.Uint8Array({ maxByteLength: TASK_BODY_BYTES_MAX });
export const Seconds = Type.Number({ minimum: 0, maximum: 1e10 });
export const Port = Type.Integer({ minimum: 0, maximum: 65535 });
export const Count = Type.Integer({ minimum: 0, maximum: 1e9 });
export const Thousandths = Type.Integer({ minimum: 0 });

export const Pairs = as<model.Pairs>(
  Type.Array(Type.Tuple([Name, Type.String({ maxLength: TASK_BODY_BYTES_MAX })]), { maxItems: PAIRS_MAX }),
);
