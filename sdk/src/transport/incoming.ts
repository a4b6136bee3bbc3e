import { compileChecks, linkMessages, type AnyMessage, type LinkMessage, type MessageTable } from '../protocol/index.js';

/** What to do with a frame of this number, where `expected` is the next one. */
export function admit(sequence: number, expected: number): 'accept' | 'double' | 'gap' {
  if (sequence === expected) return 'accept';
  return sequence < expected ? 'double' : 'gap';
}

export const checkLink = compileChecks(linkMessages);

/** True for messages about the link itself, which families have none of. */
export function isLinkMessage(message: AnyMessage): message is LinkMessage {
  return Object.hasOwn(linkMessages, message.type);
}

const checks = new Map<MessageTable, ReturnType<typeof compileChecks>>();

/** The compiled checks of one direction; made on first use. */
export function checksOf(table: MessageTable): ReturnType<typeof compileChecks> {
  let check = checks.get(table);
  if (check === undefined) {
    check = compileChecks(table);
    checks.set(table, check);
  }
  return check;
}
