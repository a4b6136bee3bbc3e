import { HttpError } from '@proffer/sdk/service';
import { absolutePath } from '../core/index.js';

export interface AppUri {
  readonly appId: string;
  /** What of the app is meant: itself (empty), `restart`, `tasks` or `versions`. */
  readonly part: string;
  /** A task's id or a version. */
  readonly rest: string;
  /** The URI ends with `/*`: all apps below. */
  readonly group: boolean;
}

/** Ids hold slashes, so the end of the URI tells what of the app is meant; ids cannot end with these words. */
export function splitAppUri(uri: string, method: string, parts: readonly string[]): AppUri {
  const match = /^(.*?)(?:\/(restart|tasks|versions)(?:\/([^/]+))?)?\/?$/.exec(`/${uri}`);
  const [, path = '', part = '', rest = ''] = match ?? [];
  if (!parts.includes(part) || (part === 'restart' && rest !== '')) {
    throw new HttpError(405, `/v2/apps/${uri} does not take ${method}`);
  }
  const group = path.endsWith('/*');
  const id = group ? path.slice(0, -2) : path;
  return { appId: group && id === '' ? '/' : absolutePath(id), part, rest, group };
}
