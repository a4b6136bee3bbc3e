#!/usr/bin/env node
/**
 * Makes a bare clone ready to run: locked packages, the native part, the TypeScript. Needs Node and a C++ compiler, and
 * nothing else. Each step is skipped when nothing it depends on changed, so that it costs nothing to call every time.
 *
 *   node scripts/bootstrap.mjs [--clean]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, 'node_modules');
const packagesStamp = join(modules, '.proffer-packages');
const sourcesStamp = join(modules, '.proffer-sources');
const lockFile = join(root, '.bootstrap.lock');
const projects = ['sdk', 'isolator-native', 'master', 'agent', 'frameworks/marathon', 'examples/hello-framework', 'examples/hello-executor', 'cli', 'bench'];

/** How long another bootstrap may take before its lock counts as left behind: a first install on a slow registry. */
const LOCK_MS_MAX = 15 * 60_000;

if (process.argv.includes('--clean')) clean();
else await bootstrap();

async function bootstrap() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) fail(`Node 20.19 or later is needed, this is ${process.version}`);
  await withLock(async () => {
    installPackages();
    const { buildNative } = await import(join(root, 'isolator-native/build.mjs'));
    await buildNative({ log: say });
    buildTypeScript();
  });
}

function installPackages() {
  const wanted = hash([readFileSync(join(root, 'package-lock.json')), process.version, process.arch]);
  if (read(packagesStamp) === wanted) return;
  say('installing packages (once; a minute or two)');
  run(npm(), ['ci', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'], 'npm ci');
  writeFileSync(packagesStamp, wanted);
}

function buildTypeScript() {
  const wanted = newestSources();
  if (read(sourcesStamp) === wanted && projects.every((project) => existsSync(join(root, project, 'dist')))) return;
  say('compiling TypeScript');
  removeOrphans();
  run([process.execPath, join(modules, 'typescript/bin/tsc')], ['-b'], 'tsc -b');
  writeFileSync(sourcesStamp, wanted);
}

/** Sizes and times of all sources: what `tsc -b` itself would look at, at a tenth of its cost. */
function newestSources() {
  const lines = [read(packagesStamp) ?? ''];
  for (const file of ['tsconfig.json', 'tsconfig.base.json', ...projects.map((project) => join(project, 'tsconfig.json'))]) lines.push(describe(join(root, file)));
  for (const project of projects) walk(join(root, project, 'src'), (file) => lines.push(describe(file)));
  return hash(lines);
}

/** Compiled files whose source is gone: a test that was renamed must not run twice. */
function removeOrphans() {
  for (const project of projects) {
    const sources = join(root, project, 'src');
    const outputs = join(root, project, 'dist');
    walk(outputs, (file) => {
      const source = join(sources, relative(outputs, file)).replace(/(\.d)?\.(js|ts)(\.map)?$/, '.ts');
      if (source.endsWith('.ts') && !existsSync(source) && !existsSync(`${source}x`)) unlinkSync(file);
    });
  }
}

function clean() {
  for (const project of projects) {
    rmSync(join(root, project, 'dist'), { recursive: true, force: true });
    rmSync(join(root, project, 'tsconfig.tsbuildinfo'), { force: true });
  }
  rmSync(join(root, 'isolator-native/build'), { recursive: true, force: true });
  rmSync(modules, { recursive: true, force: true });
}

/** `npm start` and `npm test` may be called at once: the second waits for the first. */
async function withLock(action) {
  for (let waited = false; ; waited = true) {
    try {
      closeSync(openSync(lockFile, 'wx'));
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
      if (Date.now() - (mtime(lockFile) ?? Date.now()) > LOCK_MS_MAX) rmSync(lockFile, { force: true });
      else if (!waited) say(`waiting for another build of this folder (remove ${lockFile} if there is none)`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
  const release = () => rmSync(lockFile, { force: true });
  const interrupted = () => {
    release();
    process.exit(130);
  };
  process.once('exit', release);
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    await action();
  } finally {
    release();
  }
}

function npm() {
  const path = process.env.npm_execpath;
  return path !== undefined && path.endsWith('.js') ? [process.execPath, path] : ['npm'];
}

function run([program, ...first], rest, name) {
  const { status, error, signal } = spawnSync(program, [...first, ...rest], { cwd: root, stdio: ['ignore', 2, 2] });
  if (error) fail(`${name} could not be started: ${error.message}`);
  if (status !== 0) fail(`${name} failed ${signal ? `(${signal})` : `with exit code ${status}`}; its output is above`);
}

function walk(directory, visit) {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) walk(path, visit);
    else if (entry.isFile()) visit(path);
  }
}

function describe(file) {
  const { size, mtimeMs } = statSync(file);
  return `${file} ${size} ${mtimeMs}`;
}

function mtime(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs;
}

function hash(parts) {
  const digest = createHash('sha256');
  for (const part of parts) digest.update(part).update('\0');
  return digest.digest('hex');
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function say(text) {
  process.stderr.write(`proffer: ${text}\n`);
}

function fail(text) {
  rmSync(lockFile, { force: true });
  say(text);
  process.exit(1);
}
