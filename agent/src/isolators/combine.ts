import type { Preparation } from './types.js';

/**
 * Puts isolators' parts together: lists are joined in the isolators' order, objects are merged, and of two values for
 * one thing the later isolator's wins.
 */
export function combine(parts: readonly Preparation[]): Preparation {
  return parts.reduce<Preparation>((whole, part) => ({
    ...whole,
    ...part,
    ...merged('namespaces', whole, part),
    ...merged('limits', whole, part),
    ...merged('environment', whole, part),
    ...joined('mounts', whole, part),
    ...joined('hiddenPaths', whole, part),
  }), {});
}

function merged(key: 'namespaces' | 'limits' | 'environment', a: Preparation, b: Preparation): Preparation {
  return a[key] === undefined || b[key] === undefined ? {} : { [key]: { ...a[key], ...b[key] } };
}

function joined(key: 'mounts' | 'hiddenPaths', a: Preparation, b: Preparation): Preparation {
  return a[key] === undefined || b[key] === undefined ? {} : { [key]: [...a[key], ...b[key]] };
}
