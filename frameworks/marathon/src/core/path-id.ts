import { invalid } from './refusal.js';

const SEGMENT = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/** They would make the URIs of the API ambiguous. */
const RESERVED_LAST: ReadonlySet<string> = new Set(['restart', 'tasks', 'versions', 'delay']);

/** A task id holds the app's id and 53 more bytes, and has at most 255. */
export const APP_ID_LENGTH_MAX = 200;

/** The absolute form of an id: `shop/./cart`, `/shop/cart` and `a/../shop/cart` are `/shop/cart`. Throws a Refusal. */
export function absolutePath(id: string): string {
  const segments: string[] = [];
  for (const segment of id.split('/')) {
    if (segment === '' || segment === '.') continue;
    if (segment === '..') segments.pop();
    else segments.push(segment);
  }
  const path = `/${segments.join('/')}`;
  const fault = pathFault(id, segments, path);
  if (fault !== undefined) throw invalid([{ path: '/id', errors: [fault] }]);
  return path;
}

function pathFault(id: string, segments: readonly string[], path: string): string | undefined {
  if (segments.length === 0) return `must name an app, got "${id}"`;
  if (path.length > APP_ID_LENGTH_MAX) return `must have at most ${APP_ID_LENGTH_MAX} characters, got ${path.length}`;
  const bad = segments.find((segment) => !SEGMENT.test(segment));
  if (bad !== undefined) {
    return `must have segments of lowercase letters, digits, and inner hyphens and dots, separated by "/", got "${bad}"`;
  }
  const last = segments.at(-1) ?? '';
  return RESERVED_LAST.has(last) ? `must not end with "${last}", which is part of the API's own URIs` : undefined;
}

/** Names the app in task ids: `/shop/cart` is `shop_cart`. */
export function taskIdPrefix(appId: string): string {
  return appId.slice(1).replaceAll('/', '_');
}
