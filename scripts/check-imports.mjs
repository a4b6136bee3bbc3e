#!/usr/bin/env node
/**
 * The import rules of the architecture (CONTRIBUTING says why), checked on every source file:
 * who may import whom, and that `core` and `allocator` touch no clock, randomness, timer or I/O.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What each place may import of Proffer's own packages. The first pattern that matches a file decides. */
const PACKAGES = [
  { files: /^sdk\//, may: [] },
  { files: /^isolator-native\//, may: [] },
  { files: /^(master|agent|frameworks\/[^/]+)\/.*\.test(-helper)?\.ts$/, may: [/^@proffer\/sdk/, /^@proffer\/master\/testing$/, /^@proffer\/isolator-native/] },
  { files: /^agent\//, may: [/^@proffer\/sdk/, /^@proffer\/isolator-native/] },
  { files: /^(master|frameworks\/[^/]+)\//, may: [/^@proffer\/sdk/] },
  { files: /^(cli|examples|bench)\//, may: [/^@proffer\//] },
];

/** What each layer of the SDK may import of the others. */
const SDK_LAYERS = {
  model: [],
  protocol: ['model'],
  transport: ['model', 'protocol'],
  scheduler: ['model', 'protocol', 'transport'],
  executor: ['model', 'protocol', 'transport'],
  placement: ['model'],
  service: [],
};

/** Deterministic places: same inputs, same outputs, always. */
const PURE = /^(master|agent|frameworks\/[^/]+)\/src\/(core|allocator|collections)\/|^sdk\/src\/(model|placement)\//;
const PURE_MAY_IMPORT = /^(\.|@proffer\/sdk\/(model|protocol)$)/;
const IMPURE = /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|setTimeout|setInterval|setImmediate|process\.|randomUUID|console\.)/;

const faults = [];
for (const top of ['sdk', 'isolator-native', 'master', 'agent', 'frameworks', 'cli', 'examples', 'bench']) walk(join(root, top));
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;

function walk(directory) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory() && !['node_modules', 'dist', 'build'].includes(entry.name)) walk(path);
    else if (entry.isFile() && /\.tsx?$/.test(entry.name)) check(relative(root, path), readFileSync(path, 'utf8'));
  }
}

function check(file, text) {
  const test = /\.test(-helper)?\.ts$/.test(file);
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '');
  for (const specifier of specifiers(code)) {
    if (specifier.startsWith('@proffer/')) checkPackage(file, specifier);
    if (specifier.startsWith('.')) checkInside(file, specifier, test);
  }
  if (!test && PURE.test(file)) checkPure(file, code);
}

function checkPure(file, code) {
  // Types bring no code along.
  for (const specifier of specifiers(code.replaceAll(/\b(?:import|export) type [^;]*;/g, ''))) {
    if (!PURE_MAY_IMPORT.test(specifier)) faults.push(`${file}: a deterministic place imports "${specifier}"`);
  }
  const impure = IMPURE.exec(code);
  if (impure !== null) faults.push(`${file}: a deterministic place uses ${impure[0]}; time and ids come in as inputs`);
}

function checkPackage(file, specifier) {
  const rule = PACKAGES.find(({ files }) => files.test(file));
  if (rule !== undefined && !rule.may.some((pattern) => pattern.test(specifier))) faults.push(`${file}: may not import "${specifier}"`);
}

function checkInside(file, specifier, test) {
  const target = relative(root, resolve(root, dirname(file), specifier));
  const own = packageOf(file);
  if (packageOf(target) !== own) faults.push(`${file}: imports "${specifier}" across packages; use the package's name`);
  if (test || own !== 'sdk') return;
  const [from, to] = [layerOf(file), layerOf(target)];
  if (from === undefined || to === undefined || from === to) return;
  if (!SDK_LAYERS[from]?.includes(to)) faults.push(`${file}: the layer "${from}" may not import "${to}"`);
}

function packageOf(file) {
  const parts = file.split('/');
  return ['frameworks', 'examples'].includes(parts[0]) ? parts.slice(0, 2).join('/') : parts[0];
}

function layerOf(file) {
  return /^sdk\/src\/([^/]+)\//.exec(file)?.[1];
}

function specifiers(code) {
  return Array.from(code.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g), (match) => match[1]);
}
