import { type Static, type TSchema } from '@sinclair/typebox';
import { TypeCompiler, type TypeCheck, type ValueError } from '@sinclair/typebox/compiler';
import { Value } from '@sinclair/typebox/value';
import type { FastifySchemaCompiler, FastifyTypeProvider } from 'fastify';
import { HttpError, show } from './http-error.js';

/** Makes the types of a route's body, query and parameters those of its TypeBox schemas. */
export interface TypeBoxTypeProvider extends FastifyTypeProvider {
  readonly validator: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
  readonly serializer: this['schema'] extends TSchema ? Static<this['schema']> : unknown;
}

/** Compiles a route's TypeBox schema for fastify: defaults are filled in, text in URLs is converted, faults name the field. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const check = TypeCompiler.Compile(schema);
  const fromUrl = httpPart !== 'body';
  return (input: unknown): { value: unknown } | { error: Error } => {
    // Fastify says null where there is no body.
    const converted = fromUrl ? Value.Convert(schema, input) : (input ?? undefined);
    const value = Value.Default(schema, converted);
    const error = firstFault(check, value);
    return error === undefined ? { value } : { error };
  };
};

/** The first fault of a value, as the 400 that names its field; undefined if it fits. */
export function firstFault(check: TypeCheck<TSchema>, value: unknown): HttpError | undefined {
  if (check.Check(value)) return undefined;
  const fault = deepest(check.Errors(value).First());
  if (fault === undefined) return new HttpError(400, 'the request does not fit its schema');
  const field = fieldOf(fault.path);
  const subject = field === '' ? 'the body' : field;
  if (/Unexpected property/.test(fault.message)) {
    return new HttpError(400, `${subject} is not a known field`, { code: 'UNKNOWN_FIELD', field });
  }
  const expected = expectation(fault.schema);
  const got = show(fault.value);
  return new HttpError(400, `${subject} must be ${expected}, got ${got}`, { code: 'INVALID_FIELD', field, expected, got });
}

/** One thing that is wrong with a value: where (a JSON pointer), what was expected there, and what came. */
export interface SchemaFault {
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/** Faults that one answer lists; a hostile body must not make a long one. */
const FAULTS_MAX = 20;

/** Compiles a schema into a function that lists what is wrong with a value; nothing if it fits. */
export function compileSchema(schema: TSchema): (value: unknown) => SchemaFault[] {
  const check = TypeCompiler.Compile(schema);
  return (value) => {
    const faults = new Map<string, SchemaFault>();
    if (check.Check(value)) return [];
    for (const error of check.Errors(value)) {
      const fault = deepest(error) ?? error;
      if (faults.size >= FAULTS_MAX) break;
      const expected = /Unexpected property/.test(fault.message)
        ? 'left out: it is not a known field'
        : expectation(fault.schema);
      if (!faults.has(fault.path)) faults.set(fault.path, { path: fault.path, expected, got: show(fault.value) });
    }
    return [...faults.values()];
  };
}

/** `/portDefinitions/0/port` as people write it: `portDefinitions[0].port`. */
export function fieldOf(path: string): string {
  const parts = path
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  return parts.map((part, i) => (/^\d+$/.test(part) ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

/** In a union, the fault of the branch that came furthest: the one the writer most likely meant. */
function deepest(fault: ValueError | undefined): ValueError | undefined {
  if (fault === undefined) return undefined;
  let best = fault;
  for (const branch of fault.errors) {
    const inner = deepest(branch.First());
    if (inner !== undefined && inner.path.length > best.path.length) best = inner;
  }
  return best;
}

/** What a schema asks for, in a few words. */
export function expectation(schema: TSchema): string {
  if (schema['const'] !== undefined) return JSON.stringify(schema['const']);
  const branches = schema['anyOf'] as TSchema[] | undefined;
  if (branches !== undefined) return branches.map(expectation).join(' or ');
  const words = [article(String(schema['type'] ?? 'another value'))];
  const bounds: [string, string][] = [
    ['minimum', 'of at least'],
    ['exclusiveMinimum', 'above'],
    ['maximum', 'of at most'],
    ['minLength', 'of at least this many characters:'],
    ['maxLength', 'of at most this many characters:'],
    ['minItems', 'of at least this many items:'],
    ['maxItems', 'of at most this many items:'],
    ['pattern', 'that matches'],
  ];
  const said = bounds.filter(([key]) => schema[key] !== undefined).map(([key, text]) => `${text} ${String(schema[key])}`);
  if (said.length > 0) words.push(said.join(' and '));
  return words.join(' ');
}

function article(type: string): string {
  return /^[aeiou]/.test(type) ? `an ${type}` : type === 'another value' ? type : `a ${type}`;
}
