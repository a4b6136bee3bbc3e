import { KindGuard, type TSchema } from '@sinclair/typebox';
import fc from 'fast-check';
import { parseResources } from '../model/index.js';
import { isResourcesSchema } from './schemas.js';

const SAMPLE_RESOURCES = ['', 'cpus:1', 'cpus:0.5;mem:128;ports:[1-4,9-9]', 'gpus:2;license:3;vlans:[1-2];zones:{a,b}'];

/** Values that fit a schema and make sense (ids that can be names of files, sorted ports), for the tests of codec and checks. */
export function arbitraryOf(schema: TSchema, name = ''): fc.Arbitrary<unknown> {
  if (isResourcesSchema(schema)) return fc.constantFrom(...SAMPLE_RESOURCES.map(parseResources));
  if (name === 'taskId' || name === 'executorId') return fc.stringMatching(/^[a-z][a-z0-9.ü-]{0,20}$/);
  if (KindGuard.IsObject(schema)) {
    const fields = Object.entries(schema.properties).map(([key, field]) => [key, arbitraryOf(field, key)] as const);
    const requiredKeys = Object.keys(schema.properties).filter((key) => !KindGuard.IsOptional(schema.properties[key]!));
    return fc.record(Object.fromEntries(fields), { requiredKeys, noNullPrototype: true });
  }
  if (KindGuard.IsArray(schema)) {
    const item = arbitraryOf(schema.items);
    return fc.array(
      item,
      { minLength: schema.minItems ?? 0, maxLength: Math.min(schema.maxItems ?? 3, (schema.minItems ?? 0) + 3) },
    );
  }
  if (KindGuard.IsTuple(schema)) return fc.tuple(...(schema.items ?? []).map((item) => arbitraryOf(item)));
  if (KindGuard.IsUnion(schema)) return fc.oneof(...schema.anyOf.map((option) => arbitraryOf(option)));
  if (KindGuard.IsLiteral(schema)) return fc.constant(schema.const);
  if (KindGuard.IsString(schema)) {
    return fc.string({
      minLength: schema.minLength ?? 0,
      maxLength: Math.min(schema.maxLength ?? 40, 40),
      unit: 'grapheme-composite',
    });
  }
  if (KindGuard.IsInteger(schema)) return fc.integer({
    min: schema.minimum ?? -(2 ** 40),
    max: Math.min(schema.maximum ?? 2 ** 40, 2 ** 40),
  });
  if (KindGuard.IsNumber(schema)) return fc.double({
    min: schema.minimum ?? -1e10,
    max: schema.maximum ?? 1e10,
    noNaN: true,
  }).map((n) => n + 0); // Minus zero does not travel.
  if (KindGuard.IsBoolean(schema)) return fc.boolean();
  if (KindGuard.IsUint8Array(schema)) return fc.uint8Array({ maxLength: 40 });
  throw new Error(`the test helper has no values for a schema of kind ${String(schema['type'])}`);
}
