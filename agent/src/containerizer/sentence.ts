/** What an error says, for messages that go on to people. */
export function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
