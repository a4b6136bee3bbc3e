/** Longest key in bytes: lmdb has 1978 on pages of 4096 bytes, less what its own encoding adds. */
export const STORE_KEY_BYTES_MAX = 1900;

/** Throws RangeError for what cannot be a key: empty, too long, or with control characters, which lmdb escapes. */
export function checkKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes === 0 || bytes > STORE_KEY_BYTES_MAX) {
    throw new RangeError(`a key has 1 to ${STORE_KEY_BYTES_MAX} bytes, got ${bytes}: "${key.slice(0, 64)}"`);
  }
  // oxlint-disable-next-line no-control-regex -- control characters are just what is looked for
  if (/[\u0000-\u001f\uffff]/.test(key)) throw new RangeError(`a key holds no control characters, got ${JSON.stringify(key)}`);
}
