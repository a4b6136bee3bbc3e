import { Refusal } from '../core/index.js';

type Test = (labels: Readonly<Record<string, string>>) => boolean;

/** Reads a label selector, `a==b, c!=d, e in (x, y), f notin (z), g`: true where all parts hold. Throws a Refusal. */
export function labelSelector(text: string): Test {
  const parts = text.split(/,(?![^(]*\))/).map((part) => part.trim());
  const tests = parts.map(onePart);
  return (labels) => tests.every((test) => test(labels));
}

function onePart(part: string): Test {
  const comparison = /^([^\s!=(),]+)\s*(==|!=)\s*([^\s=(),]*)$/.exec(part);
  if (comparison !== null) {
    const [, key = '', operator, value] = comparison;
    return (labels) => (labels[key] === value) === (operator === '==');
  }
  const set = /^([^\s!=(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(part);
  if (set !== null) {
    const [, key = '', operator, list = ''] = set;
    const values = new Set(list.split(',').map((value) => value.trim()));
    return (labels) => {
      const value = labels[key];
      return (value !== undefined && values.has(value)) === (operator === 'in');
    };
  }
  if (/^[^\s!=(),]+$/.test(part)) return (labels) => part in labels;
  throw new Refusal('badRequest', `label must be a selector like "a==b, c in (x, y)", got "${part}"`);
}
