/** A web app of the smallest kind: it says who answers, and is healthy while it runs. */
import { createServer } from 'node:http';
import { hostname } from 'node:os';

const { PORT0 = '8000', HOST = '127.0.0.1', MESOS_TASK_ID = 'no task' } = process.env;
/** A cluster on loopback stays there; on several machines the others must reach the app. */
const address = ['127.0.0.1', 'localhost', '::1'].includes(HOST) ? HOST : '0.0.0.0';

const server = createServer((request, response) => {
  if (request.url === '/health') return response.end('ok\n');
  console.log(`${new Date().toISOString()} ${request.method} ${request.url}`);
  return response.end(`Hello from ${MESOS_TASK_ID}, process ${process.pid} on ${hostname()}\n`);
});
server.listen(Number(PORT0), address, () => console.log(`listening on http://${HOST}:${PORT0}`));

process.on('SIGTERM', () => {
  console.log('told to end');
  process.exit(0);
});
