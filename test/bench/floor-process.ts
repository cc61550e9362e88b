// What a reaction costs at the least: the Engine calls that it needs, made with dockerode and nothing around them. Arguments:
// the mail container; the table here, and there; the text that it is to have. Asked to `follow` it answers when it does, asked
// for a reaction it answers with the time (ms) at which the next one was finished.
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import Docker from 'dockerode';
import { answerParent } from './child.ts';
import { CLIENT, type FloorQuestion, REJECT } from './reaction.ts';

const [name = '', table = '', inContainer = '', wanted = ''] = process.argv.slice(2);
const container = new Docker().getContainer(name);
const text = readFileSync(wanted);
const log = new PassThrough();

async function exec(...command: string[]): Promise<string> {
  const created = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
  const stream = await created.start({ hijack: false, stdin: false });
  const output = new PassThrough();
  let stdout = '';
  output.on('data', (chunk) => {
    stdout += chunk;
  });
  container.modem.demuxStream(stream, output, output);
  await once(stream, 'end');
  for (;;) {
    const { Running, ExitCode } = await created.inspect();
    if (!Running && ExitCode === 0) return stdout;
    if (!Running && ExitCode !== null) throw new Error(`${command.join(' ')}: exit ${ExitCode}\n${stdout}`);
  }
}

async function follow(): Promise<number> {
  const now = Date.now();
  const stream = await container.logs({ follow: true, stdout: true, stderr: true, since: now / 1000 });
  container.modem.demuxStream(stream, log, log);
  log.on('data', (line) => {
    if (REJECT.test(line)) log.emit('reject');
  });
  return now;
}

async function reaction(): Promise<number> {
  await once(log, 'reject');
  writeFileSync(table, text);
  if (!(await exec('postmap', '-q', CLIENT.from, `cidr:${inContainer}`)).startsWith('permit'))
    throw new Error('the table does not permit the client');
  await exec('postfix', 'reload');
  return Date.now();
}

answerParent((question) => ((question as FloorQuestion) === 'follow' ? follow() : reaction()));
