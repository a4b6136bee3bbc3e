import { basename, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Uri } from '@proffer/sdk/model';

/** A URI that can be fetched, and where it goes. */
export interface Source {
  readonly url: URL;
  /** For messages: without password and query, which may hold secrets. */
  readonly label: string;
  /** Path of the file below the sandbox, normalized. */
  readonly output: string;
  readonly extract: boolean;
  readonly executable: boolean;
  readonly cache: boolean;
}

/** Longest output path below a sandbox, in characters; the kernel's limit for a whole path is 4096 bytes. */
const OUTPUT_MAX = 1024;

/** Checks one URI. Throws a sentence that names the field. */
export function parseUri(uri: Uri): Source {
  const url = URL.canParse(uri.value) ? new URL(uri.value) : undefined;
  if (url === undefined || !['file:', 'http:', 'https:'].includes(url.protocol)) {
    throw new Error(`uris: must be file:, http: or https: and absolute, got ${JSON.stringify(withoutSecrets(uri.value))}`);
  }
  if (url.protocol === 'file:' && url.host !== '') {
    throw new Error(`uris: a file: URI names a file of this machine (file:///path), got host "${url.host}"`);
  }
  const executable = uri.executable ?? false;
  return {
    url,
    label: withoutSecrets(url.href),
    output: outputPath(uri, url),
    extract: (uri.extract ?? true) && !executable,
    executable,
    cache: (uri.cache ?? false) && url.protocol !== 'file:',
  };
}

/** The host's path of a `file:` URL. */
export function filePath(url: URL): string {
  return fileURLToPath(url);
}

function outputPath(uri: Uri, url: URL): string {
  const asked = uri.outputFile;
  if (asked === undefined) {
    const name = basename(decoded(url.pathname));
    if (name === '' || unsafeName(name)) {
      throw new Error(`uris: ${withoutSecrets(url.href)} ends in no file name; say outputFile`);
    }
    return name;
  }
  const segments = asked.split('/');
  if (asked === '' || asked.length > OUTPUT_MAX || asked.startsWith('/') || asked.endsWith('/') || segments.some(unsafeName)) {
    const rule = `a relative path of at most ${OUTPUT_MAX} characters without ".."`;
    throw new Error(`uris: outputFile must be ${rule}, got ${JSON.stringify(asked)}`);
  }
  return posix.normalize(asked);
}

function unsafeName(segment: string): boolean {
  return segment === '..' || segment === '.' || segment.includes('\0') || segment.includes('/');
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function withoutSecrets(text: string): string {
  if (!URL.canParse(text)) return text.slice(0, 200);
  const url = new URL(text);
  url.username = '';
  url.password = '';
  url.search = '';
  url.hash = '';
  return url.href;
}
