/**
 * Checks at the border: does a message fit its schema, and do its values make sense (ids that can be names of files,
 * sorted ports)? One compiled check for each message, picked by its type.
 */
import { KindGuard, type TArray, type TSchema } from '@sinclair/typebox';
import { TypeCompiler, type TypeCheck } from '@sinclair/typebox/compiler';
import { invalidId, invalidResources, type Resources } from '../model/index.js';
import type { AnyMessage, MessageTable } from './families.js';
import { isResourcesSchema } from './schemas.js';

/** Why a value is refused, as one sentence that names the field, what was expected and what came; undefined if it is fine. */
export type Check = (value: unknown) => string | undefined;

/** One check for all messages of a direction. A type that the direction does not have is refused. */
export function compileChecks(table: MessageTable): (message: AnyMessage) => string | undefined {
  const checks = new Map<string, Check>();
  for (const [type, schema] of Object.entries(table)) checks.set(type, compileCheck(schema, type));
  return (message) => {
    const check = checks.get(message.type);
    if (check !== undefined) return check(message);
    return `type: expected one of ${[...checks.keys()].join(', ')}, got ${show(message.type)}`;
  };
}

/** A check for one schema; `name` stands for the whole value in errors. */
export function compileCheck(schema: TSchema, name: string): Check {
  const compiled = TypeCompiler.Compile(schema);
  const values = valueCheck(schema);
  return (value) => {
    if (!compiled.Check(value)) return describeMismatch(compiled, value, name);
    const fault = values?.(value);
    return fault === undefined ? undefined : `${name}${fault}`;
  };
}

function describeMismatch(compiled: TypeCheck<TSchema>, value: unknown, name: string): string {
  const error = compiled.Errors(value).First();
  if (error === undefined) return `${name} does not fit its schema`;
  const expected = error.message.charAt(0).toLowerCase() + error.message.slice(1);
  return `${name}${pathText(error.path)}: ${expected}, got ${show(error.value)}`;
}

/** `/tasks/0/name` as `.tasks[0].name`. */
function pathText(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join('');
}

/** At most a short line of what came: errors travel back to the peer, and into logs. */
function show(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value === 'bigint') return `${value}n`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value === undefined) return 'nothing';
  const isObject = typeof value === 'object' && value !== null;
  const text = isObject ? `an object with ${Object.keys(value).join(', ')}` : JSON.stringify(value);
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}

/** Looks at what no schema sees, wherever the schema has it. Answers `path: fault`. */
function valueCheck(schema: TSchema): Check | undefined {
  if (isResourcesSchema(schema)) return (value) => located('', invalidResources(value as Resources));
  if (KindGuard.IsArray(schema)) return listCheck(schema);
  if (!KindGuard.IsObject(schema)) return undefined;
  const fields: [name: string, check: Check][] = [];
  for (const [name, field] of Object.entries(schema.properties)) {
    const check = name === 'taskId' || name === 'executorId' ? idCheck : valueCheck(field);
    if (check !== undefined) fields.push([name, check]);
  }
  if (fields.length === 0) return undefined;
  return (value) => {
    for (const [name, check] of fields) {
      const inner = (value as Record<string, unknown>)[name];
      const fault = inner === undefined ? undefined : check(inner);
      if (fault !== undefined) return `.${name}${fault}`;
    }
    return undefined;
  };
}

function listCheck(schema: TArray): Check | undefined {
  const item = valueCheck(schema.items);
  if (item === undefined) return undefined;
  return (list) => {
    let index = 0;
    for (const value of list as unknown[]) {
      const fault = item(value);
      if (fault !== undefined) return `[${index}]${fault}`;
      index++;
    }
    return undefined;
  };
}

const idCheck: Check = (value) => located('', invalidId(value as string));

function located(path: string, fault: string | undefined): string | undefined {
  return fault === undefined ? undefined : `${path}: ${fault}`;
}
