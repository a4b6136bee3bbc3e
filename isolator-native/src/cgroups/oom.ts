import { openSync, readSync } from 'node:fs';
import { native } from '../native.js';
import type { Watch } from '../native.js';
import type { MemoryUsage, OomEvent } from '../types/cgroups.js';
import type { CgroupFiles } from './files.js';
import { keyed } from './parse.js';

/** An eventfd's counter is 8 bytes; `memory.events` is a few short lines. */
const EVENT_BYTES = 512;

/** What both versions need. */
export interface OomWatchOptions {
  readonly directory: string;
  readonly version: 1 | 2;
  readonly files: CgroupFiles;
  /** Throws when the cgroup is gone. */
  readonly usage: () => MemoryUsage;
  readonly listener: (event: OomEvent) => void;
}

/**
 * Watches for the kernel running out of a cgroup's memory. The watch ends by itself when the cgroup is removed (which
 * wakes it too). Returns the function that ends it.
 */
export function watchOom(options: OomWatchOptions): () => void {
  const addon = native();
  const v1 = options.version === 1;
  const fd = v1 ? options.files.openOomEvents(options.directory) : openSync(`${options.directory}/memory.events`, 'r');
  let count = v1 ? 0 : (readEvents(fd) ?? 0);
  let handle: Watch | undefined = addon.watch(fd, onEvent, v1 ? addon.READABLE : addon.PRIORITY);
  const stop = (): void => {
    handle?.close();
    handle = undefined;
  };

  function onEvent(): void {
    if (handle === undefined) return;
    const memory = usageOrNothing(options.usage);
    if (memory === undefined) return stop();
    if (v1) {
      drain(fd);
    } else {
      const now = readEvents(fd);
      if (now === undefined) return stop();
      if (now <= count) return;
      count = now;
    }
    options.listener({ oomKills: memory.oomKills, memory });
  }

  return stop;
}

/** How often v2 ran out or killed; the file changes for other events as well. Reading it re-arms the watch. */
function readEvents(fd: number): number | undefined {
  const buffer = Buffer.alloc(EVENT_BYTES);
  try {
    const text = buffer.toString('latin1', 0, readSync(fd, buffer, 0, EVENT_BYTES, 0));
    return keyed(text, 'oom') + keyed(text, 'oom_kill');
  } catch {
    return undefined;
  }
}

function drain(fd: number): void {
  try {
    readSync(fd, Buffer.alloc(8));
  } catch {
    // Nothing to read any more: an event that was seen already.
  }
}

function usageOrNothing(usage: () => MemoryUsage): MemoryUsage | undefined {
  try {
    return usage();
  } catch {
    return undefined;
  }
}
