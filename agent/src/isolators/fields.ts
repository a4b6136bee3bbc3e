import type { ContainerInfo, LinuxInfo } from '@proffer/sdk/model';
import type { Isolator } from './types.js';

/** A wish that a task can have of its container; some isolator must take care of it. */
export type ContainerField = Exclude<keyof ContainerInfo, 'linux'> | `linux.${keyof LinuxInfo}`;

/** The wishes that this container has. */
export function fieldsOf(container: ContainerInfo | undefined): ContainerField[] {
  const { linux, ...others } = container ?? {};
  return [
    ...(Object.keys(others) as (keyof typeof others)[]),
    ...(Object.keys(linux ?? {}) as (keyof LinuxInfo)[]).map((name) => `linux.${name}` as const),
  ];
}

/** Throws for a wish that no isolator of this agent takes care of: a task never runs with less than it asked for. */
export function refuseUnhandled(container: ContainerInfo | undefined, isolators: readonly Isolator[]): void {
  for (const field of fieldsOf(container)) {
    if (isolators.some(({ handles }) => handles?.includes(field) === true)) continue;
    throw new Error(`container.${field} is not available on this agent; leave it out, or ask for an agent that has it`);
  }
}
