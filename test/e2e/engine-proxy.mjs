// A socket proxy that lets through the calls in /opt/calls/allowed and no other, and prints a line for each call:
//   allowed GET /containers/{id}/json
//   refused POST /containers/create
// The file has one call a line, {id} standing for one part of the path, and is read anew for each call.
import { readFileSync } from 'node:fs';
import { createServer, request } from 'node:http';

const ENGINE = '/var/run/docker.sock';

/** The call of the list that a request is; undefined: none. */
function callOf({ method, url }) {
  const path = url.split('?')[0].replace(/^\/v\d+\.\d+/, '');
  const calls = readFileSync('/opt/calls/allowed', 'utf8').split('\n');
  return calls.find((call) => {
    const [verb, form = ''] = call.split(' ');
    return verb === method && new RegExp(`^${form.replaceAll('{id}', '[A-Za-z0-9_.-]+')}$`).test(path);
  });
}

function pass(incoming, outgoing) {
  const { method, url, headers } = incoming;
  const options = { socketPath: ENGINE, method, path: url, headers };
  const engine = request(options, (answer) => {
    outgoing.writeHead(answer.statusCode, answer.headers);
    outgoing.flushHeaders();
    answer.pipe(outgoing);
    answer.on('error', () => outgoing.destroy());
  });
  engine.on('error', () => outgoing.destroy());
  outgoing.on('close', () => engine.destroy());
  incoming.pipe(engine);
}

const server = createServer((incoming, outgoing) => {
  const call = callOf(incoming);
  if (call !== undefined) {
    console.log(`allowed ${call}`);
    pass(incoming, outgoing);
    return;
  }
  console.log(`refused ${incoming.method} ${incoming.url}`);
  outgoing.writeHead(403, { 'Content-Type': 'text/plain' }).end('403 Forbidden\n');
});
server.on('upgrade', (incoming, socket) => {
  console.log(`refused an upgrade of ${incoming.method} ${incoming.url}`);
  socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
});
server.requestTimeout = 0;
server.listen(2375, () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
