import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import test from 'ava';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

test('the README shows the forty-line framework as it stands', (t) => {
  const example = read('examples/hello-framework/src/main.ts');
  t.true(example.split('\n').length <= 41);
  t.true(read('README.md').includes(`\`\`\`ts\n${example}\`\`\``), 'copy examples/hello-framework/src/main.ts into README.md');
});

test('every file that a README links to is there', (t) => {
  const readmes = ['README.md', 'CONTRIBUTING.md', ...['sdk', 'master', 'agent', 'isolator-native', 'frameworks/marathon', 'cli', 'bench'].map((dir) => `${dir}/README.md`)];
  for (const readme of readmes) {
    for (const [, target = ''] of read(readme).matchAll(/\]\((?!https?:)([^)#]+)(?:#[^)]*)?\)/g)) {
      t.true(existsSync(join(root, dirname(readme), target)), `${readme} links to ${target}`);
    }
  }
});

test('the import rules of the architecture hold', (t) => {
  t.notThrows(() => execFileSync(process.execPath, [join(root, 'scripts/check-imports.mjs')], { stdio: 'pipe' }));
});

test('every script that package.json or CONTRIBUTING names is there', (t) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  for (const [, name = ''] of read('CONTRIBUTING.md').matchAll(/npm run ([a-z:]+)/g)) t.truthy(scripts[name], `npm run ${name}`);
  for (const line of Object.values(scripts)) {
    for (const [file] of line.matchAll(/scripts\/[a-z-]+\.(?:mjs|sh)/g)) t.true(existsSync(join(root, file)), file);
  }
});
