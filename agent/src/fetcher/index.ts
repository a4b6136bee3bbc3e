import { FetchCache } from './cache.js';
import { UriFetcher } from './fetcher.js';
import { Downloader } from './http.js';
import { CACHE_BYTES, STALL_MS, type Fetcher, type FetcherOptions } from './types.js';

export * from './types.js';

/** A fetcher with its cache in `cacheDir`, which it makes. */
export function createFetcher(options: FetcherOptions & { readonly cacheDir: string; readonly now?: () => number }): Fetcher {
  const now = options.now ?? Date.now;
  return new UriFetcher({
    cache: new FetchCache(options.cacheDir, options.cacheBytes ?? CACHE_BYTES, now),
    downloader: new Downloader(options.stallMs ?? STALL_MS),
    files: { anyFile: options.anyFile ?? false, publicDirectories: options.publicDirectories ?? [] },
    now,
  });
}
