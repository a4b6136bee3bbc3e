import { HttpError } from './http-error.js';

/** What is served where, to tell a wrong method (405) from an unknown URI (404). */
export class RouteTable {
  readonly #methods = new Map<string, Set<string>>();

  add(method: string | readonly string[], url: string): void {
    let methods = this.#methods.get(url);
    if (methods === undefined) this.#methods.set(url, (methods = new Set()));
    for (const one of typeof method === 'string' ? [method] : method) methods.add(one);
  }

  /** The error for a request that no route took. */
  missing(method: string, url: string): HttpError {
    const path = url.replace(/[?#].*$/, '');
    const allowed = new Set<string>();
    for (const [pattern, methods] of this.#methods) {
      if (matches(pattern, path)) for (const one of methods) allowed.add(one);
    }
    if (allowed.size === 0) return new HttpError(404, `there is nothing at ${path}`);
    const list = [...allowed].sort().join(', ');
    return new HttpError(405, `${path} does not take ${method}, only ${list}`, {
      expected: list,
      got: method,
      headers: { allow: list },
    });
  }
}

/** `:name` stands for one segment, `*` for the rest. */
function matches(pattern: string, path: string): boolean {
  if (pattern === '*') return false;
  const expression = pattern
    .replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replaceAll(/:[A-Za-z]+/g, '[^/]+')
    .replaceAll('*', '.*');
  return new RegExp(`^${expression}/?$`).test(path);
}
