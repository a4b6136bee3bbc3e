#!/usr/bin/env node
/**
 * Builds the native part with g++ (or $CXX), without a build system: `build/isolator.node` (the addon) and `build/launcher`
 * (a static program). A source is compiled again only when its text, a header, a flag or the compiler changed.
 *
 *   node build.mjs [--sanitize] [--force]
 *
 * `--sanitize` builds both with the address and undefined-behaviour sanitizers into `build/sanitize/`. To use them:
 *   PROFFER_ISOLATOR_BUILD=build/sanitize ASAN_OPTIONS=detect_leaks=0 LD_PRELOAD="$(g++ -print-file-name=libasan.so)" node …
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));
const require = createRequire(import.meta.url);

const COMMON = ['-std=c++20', '-O2', '-g1', '-Wall', '-Wextra', '-fno-strict-aliasing'];
/** No C library behind it: what distributions' compilers switch on by default would call into one. */
const FREESTANDING = [
  '-fno-pie', '-fno-stack-protector', '-U_FORTIFY_SOURCE', '-fno-threadsafe-statics', '-ffunction-sections', '-fdata-sections',
];
const STANDALONE = ['-static', '-nostdlib', '-no-pie', '-Wl,--gc-sections', '-Wl,--build-id=none', '-Wl,-z,noexecstack'];
const SHARED = ['-fPIC', '-fvisibility=hidden', '-DNAPI_VERSION=8', '-DNAPI_CPP_EXCEPTIONS'];
const BARE = ['-fno-exceptions', '-fno-rtti', '-fno-asynchronous-unwind-tables'];
/** Where the headers of libseccomp are if it is installed; with it, profiles in container engines' format can be compiled. */
const SECCOMP_HEADERS = ['/usr/include/seccomp.h', '/usr/local/include/seccomp.h'];
const SANITIZE = ['-fsanitize=address,undefined', '-fno-omit-frame-pointer'];

/** Compiles what changed. `log` gets one line when there is something to do; rejects with a one-line error. */
export async function buildNative({ log = () => {}, sanitize = false, force = false } = {}) {
  const output = join(root, sanitize ? 'build/sanitize' : 'build');
  const extra = sanitize ? SANITIZE : [];
  const seccomp = SECCOMP_HEADERS.some((file) => existsSync(file));
  const targets = [
    {
      folder: 'addon',
      file: 'isolator.node',
      compile: [...COMMON, ...SHARED, ...addonIncludes(), ...(seccomp ? ['-DISOLATOR_SECCOMP'] : []), ...extra],
      // Never unloaded: when a worker ends, its last handles call back after Node has let go of the addon.
      link: ['-shared', '-Wl,-z,nodelete', ...(seccomp ? ['-lseccomp'] : []), ...extra],
    },
    {
      folder: 'launcher',
      file: 'launcher',
      compile: [...COMMON, ...BARE, ...(sanitize ? extra : FREESTANDING)],
      link: sanitize ? extra : STANDALONE,
      // Entry and C library of its own (start.cc says why); sanitizers need the real ones.
      without: sanitize ? ['start.cc'] : [],
    },
  ];
  const compiler = process.env.CXX ?? 'g++';
  const plans = targets.map((target) => plan(target, output, compiler, force));
  const stale = plans.filter(({ jobs, linked }) => jobs.length > 0 || !linked);
  if (stale.length === 0) return;
  await checkCompiler(compiler);
  log(`compiling the native part (${stale.map(({ file }) => file).join(', ')})`);
  if (!seccomp) log('without libseccomp: own seccomp profiles are refused (Debian, Ubuntu: apt-get install libseccomp-dev)');
  for (const { objects } of stale) mkdirSync(objects, { recursive: true });
  await inParallel(stale.flatMap(({ jobs }) => jobs), (job) => compileOne(compiler, job));
  for (const target of stale) await linkOne(compiler, target, output);
}

function addonIncludes() {
  try {
    return ['node-addon-api', 'node-api-headers'].flatMap((name) => {
      const folder = dirname(require.resolve(`${name}/package.json`));
      return ['-isystem', name === 'node-api-headers' ? join(folder, 'include') : folder];
    });
  } catch (error) {
    const needed = 'the native part needs the packages node-addon-api and node-api-headers';
    throw new Error(`${needed}: run npm ci (${error.code})`, { cause: error });
  }
}

/** What must be compiled for one target: a stamp beside each object says what it was made from. */
function plan(target, output, compiler, force) {
  const folder = join(root, target.folder);
  const names = existsSync(folder) ? readdirSync(folder).sort() : [];
  const headers = names.filter((name) => name.endsWith('.h')).map((name) => readFileSync(join(folder, name)));
  const shared = [compiler, process.arch, ...target.compile, ...headers];
  const objects = join(output, 'objects', target.folder);
  const sources = names.filter((name) => name.endsWith('.cc') && !target.without?.includes(name)).map((name) => {
    const source = join(folder, name);
    const object = join(objects, name.replace(/\.cc$/, '.o'));
    const stamp = digest([...shared, name, readFileSync(source)]);
    return { source, object, stampFile: `${object}.stamp`, stamp, flags: target.compile };
  });
  const jobs = sources.filter(({ object, stampFile, stamp }) => force || read(stampFile) !== stamp || !existsSync(object));
  const stamp = digest([...target.link, ...sources.map((source) => source.stamp)]);
  const stampFile = join(output, `${target.file}.stamp`);
  const linked = !force && read(stampFile) === stamp && existsSync(join(output, target.file));
  return { ...target, objects, sources, jobs, stamp, stampFile, linked };
}

async function checkCompiler(compiler) {
  try {
    await run(compiler, ['--version']);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    const remedy = 'install g++ (Debian, Ubuntu: apt-get install g++) or set CXX';
    throw new Error(`no C++ compiler: ${compiler} was not found; ${remedy}`, { cause: error });
  }
}

async function compileOne(compiler, { source, object, stampFile, stamp, flags }) {
  rmSync(stampFile, { force: true });
  await run(compiler, [...flags, '-c', source, '-o', object]);
  writeFileSync(stampFile, stamp);
}

/** Links to a temporary name first: a launcher that runs cannot be written to, but can be replaced. */
async function linkOne(compiler, { sources, link, file, stampFile, stamp }, output) {
  const temporary = join(output, `${file}.${process.pid}`);
  try {
    await run(compiler, [...sources.map(({ object }) => object), ...link, '-o', temporary]);
    renameSync(temporary, join(output, file));
  } finally {
    rmSync(temporary, { force: true });
  }
  writeFileSync(stampFile, stamp);
}

async function inParallel(jobs, action) {
  const waiting = [...jobs];
  const workers = Array.from({ length: Math.min(availableParallelism(), waiting.length) }, async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) await action(job);
  });
  await Promise.all(workers);
}

function run(program, args) {
  return new Promise((resolve, reject) => {
    execFile(program, args, { maxBuffer: 16 << 20 }, (error, stdout, stderr) => {
      if (stderr) process.stderr.write(stderr);
      if (!error) resolve(stdout);
      else if (typeof error.code === 'string') reject(error);
      else reject(new Error(`${program} failed on ${args.find((arg) => arg.endsWith('.cc')) ?? args.at(-1)}; see above`));
    });
  });
}

function digest(parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex');
}

function read(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === process.argv[1]) {
  const options = { log: console.error, sanitize: process.argv.includes('--sanitize'), force: process.argv.includes('--force') };
  buildNative(options).catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
