import { readFileSync } from 'node:fs';
import type { InterfaceUsage } from '../containerizer/types.js';

/** Figures of the interfaces that the process sees, without the loopback. Undefined where the process is gone. */
export function interfaceUsage(pid: number): InterfaceUsage[] | undefined {
  try {
    return parseInterfaces(readFileSync(`/proc/${pid}/net/dev`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Two lines of headings, then `name: ` and sixteen numbers: eight for what was received, eight for what was sent. */
export function parseInterfaces(text: string): InterfaceUsage[] {
  return text.split('\n').slice(2).flatMap((line) => {
    const [name = '', figures = ''] = line.split(':');
    if (figures === '' || name.trim() === 'lo') return [];
    const numbers = figures.trim().split(/\s+/).map(Number);
    const [receivedBytes = 0, receivedPackets = 0, , receivedDrops = 0, , , , , sentBytes = 0, sentPackets = 0, , sentDrops = 0] = numbers;
    return [{ name: name.trim(), receivedBytes, receivedPackets, receivedDrops, sentBytes, sentPackets, sentDrops }];
  });
}
