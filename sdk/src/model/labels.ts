/**
 * Pairs that a user names freely: labels, environment variables.
 *
 * Pairs and not an object: keys come from users, and the wire packs lists of pairs alike whatever the keys are.
 */
export type Pairs = readonly (readonly [key: string, value: string])[];

export const NO_PAIRS: Pairs = [];

/** Pairs from a plain object, in its order. */
export function pairs(object: Readonly<Record<string, string>>): Pairs {
  return Object.entries(object);
}

/** A plain object from pairs; of two pairs with one key the later wins. */
export function fromPairs(list: Pairs): Record<string, string> {
  return Object.fromEntries(list);
}
