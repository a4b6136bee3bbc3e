import { native } from './native.js';
import { IsolatorError } from './types/errors.js';

/** Size of one message of the launcher; the layout is that of `Message` in launcher/protocol.h. */
export const MESSAGE_BYTES = 1200;

const STEP = { at: 80, size: 64 };
const SYSCALL = { at: 144, size: 32 };
const PATH = { at: 176, size: 1024 };

/** The task's program runs. */
export interface StartedMessage {
  readonly kind: 'started';
  readonly initPid: number;
  /** Clock ticks since boot. */
  readonly initStartTime: number;
  readonly launchedAt: number;
}

/** It could not be started; everything is undone. */
export interface FailedMessage {
  readonly kind: 'failed';
  readonly failure: LauncherFailure;
}

/** How a command in a container ended; exactly one of code and signal is a value. */
export interface EndedMessage {
  readonly kind: 'ended';
  readonly code: number | null;
  readonly signal: number | null;
  readonly timedOut: boolean;
}

export type LauncherMessage = StartedMessage | FailedMessage | EndedMessage;

/** What failed in the launcher. */
export interface LauncherFailure {
  readonly errno: number;
  readonly step: string;
  readonly syscall: string;
  readonly path: string;
}

/** Reads one message; undefined for one that is not complete. */
export function decodeMessage(bytes: Buffer): LauncherMessage | undefined {
  if (bytes.length !== MESSAGE_BYTES) return undefined;
  switch (bytes.readUInt32LE(4)) {
    case 1:
      return {
        kind: 'started',
        initPid: bytes.readInt32LE(20),
        initStartTime: Number(bytes.readBigUInt64LE(32)),
        launchedAt: Number(bytes.readBigUInt64LE(40)),
      };
    case 2:
      return {
        kind: 'failed',
        failure: { errno: bytes.readInt32LE(8), step: text(bytes, STEP), syscall: text(bytes, SYSCALL), path: text(bytes, PATH) },
      };
    case 3:
      return { kind: 'ended', ...waitStatus(bytes.readInt32LE(12)), timedOut: bytes.readUInt32LE(72) !== 0 };
    default:
      return undefined;
  }
}

/** The launcher's failure as an error of this library. */
export function launcherError({ errno, step, syscall, path }: LauncherFailure): IsolatorError {
  const { code, text: words } = native().errnoName(errno);
  const details = { code, errno, step, ...(syscall !== '' && { syscall }), ...(path !== '' && { path }) };
  return new IsolatorError(`${[step, path].filter(Boolean).join(' ')}: ${code}, ${words}`, details);
}

function waitStatus(status: number): { readonly code: number | null; readonly signal: number | null } {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff, signal: null } : { code: null, signal };
}

function text(bytes: Buffer, { at, size }: { readonly at: number; readonly size: number }): string {
  const end = bytes.indexOf(0, at);
  return bytes.toString('utf8', at, Math.min(end, at + size));
}
