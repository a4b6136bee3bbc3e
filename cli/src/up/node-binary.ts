import { statSync } from 'node:fs';
import { dirname } from 'node:path';

const EXECUTE_BY_OTHERS = 0o001;
const READ_BY_OTHERS = 0o004;

/** Directories that a container has of its own, so that what the machine has there is not seen inside. */
const PRIVATE_DIRECTORIES = ['/tmp', '/dev', '/proc', '/sys', '/run'];

/** True if any user, inside a container that shares the machine's root file system, can execute this file. */
export function isExecutableByAll(file: string): boolean {
  if (PRIVATE_DIRECTORIES.some((directory) => file.startsWith(`${directory}/`))) return false;
  try {
    if ((statSync(file).mode & (EXECUTE_BY_OTHERS | READ_BY_OTHERS)) !== (EXECUTE_BY_OTHERS | READ_BY_OTHERS)) return false;
    for (let directory = dirname(file); ; directory = dirname(directory)) {
      if ((statSync(directory).mode & EXECUTE_BY_OTHERS) === 0) return false;
      if (directory === '/') return true;
    }
  } catch {
    return false;
  }
}
