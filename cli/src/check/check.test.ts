import test from 'ava';
import { reportText } from '../commands/check.js';
import { compare, parseFacts } from './facts.js';
import { featuresOf } from './features.js';

const host = parseFacts('ns pid=pid:[1]\nns net=net:[1]\nprocesses=97\ninterfaces=eth0 lo \ncapabilities=000001ffffffffff\nseccomp=0\nno new privileges=0\nuser=0\n');
const inside = parseFacts('ns pid=pid:[2]\nns net=net:[1]\nprocesses=6\ninterfaces=eth0 lo \ncapabilities=0\nseccomp=2\nno new privileges=1\nuser=65534\n');

test('host beside container: a namespace of its own counts, or a different answer', (t) => {
  const rows = new Map(compare(host, inside).map((row) => [row.name, row]));
  t.like(rows.get('processes'), { host: '97', container: '6', own: true });
  t.like(rows.get('interfaces'), { host: 'eth0 lo', own: false });
  t.like(rows.get('capabilities'), { host: '41 of 41 (1ffffffffff)', container: '0 of 41 (0)', own: true });
  t.like(rows.get('seccomp'), { host: 'off', container: 'filter', own: true });
  t.like(rows.get('clock'), { host: '-', container: '-', own: false }, 'a kernel without it');
});

test('the report says what is missing, with the remedy, and what was refused', (t) => {
  const namespaces = { pid: true, mount: true, uts: true, ipc: true, cgroup: true, user: true, net: true, time: false };
  const missing = [{ feature: 'time namespaces', reason: 'no kernel support', remedy: 'a newer kernel' }];
  const features = featuresOf({
    mode: 'namespaces', uid: 0, root: true, kernel: '6', namespaces, unprivilegedUserNamespaces: false, overlay: true, raiseLimits: true, idmappedMounts: true,
    cgroups: { kind: 'unified', controllers: { memory: { version: 2, directory: '/' } }, unusable: {} },
    missing,
  }, [...missing, { feature: 'swap', reason: 'x', remedy: 'y' }]);
  t.deepEqual(features.filter(({ available }) => !available).map(({ feature }) => feature), ['time namespaces', 'swap']);
  const withheld = [{ wish: 'networks', reason: 'not here' }];
  const text = reportText({ mode: 'namespaces', comparison: compare(host, inside), features, withheld }, Infinity);
  t.regex(text, /time namespaces +no +no kernel support +a newer kernel/);
  t.regex(text, /memory cgroups \(v2\) +yes/);
  t.regex(text, /networks \(not here\)/);
});
