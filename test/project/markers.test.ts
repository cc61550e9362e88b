import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createDockerEngine } from '../../src/edge/docker.ts';
import type { Engine } from '../../src/ports.ts';
import { World } from '../double/world.ts';

/** Marks of what clients say, one for each place; `qz` occurs in nothing that is ours. */
const MARK = /qz(?:helo|from|rcpt|garbage|ptr)/i;

it('Nothing that a client says reaches the table, the state, a command, a file name, DNS or an alert', async () => {
  await using world = await World.create();
  const engine = createDockerEngine({ host: world.engine.host, container: 'mailserver' });
  const commands: string[] = [];
  const exec: Engine['exec'] = (id, argv, timeoutMs) => {
    commands.push(argv.join('\n'));
    return engine.exec(id, argv, timeoutMs);
  };
  world.start({}, { engine: { ...engine, exec } });
  await world.until('the log is followed', () => world.engine.followers > 0);
  const said = {
    helo: 'qzhelo.amazonses.com',
    from: 'qzfrom@qzfrom.amazonses.com',
    to: 'qzrcpt@example.test',
  };
  // A watched sender, a stranger of whom DNS is asked, and one whose reverse name is a lie.
  await world.connect('54.240.27.75', said);
  await world.connect('13.110.14.214', said);
  await world.connect('198.51.100.7', { ...said, pregreet: true });
  world.mail.log('postscreen', 910, 'PREGREET 20 after 0 from [54.240.27.76]:4000: EHLO qzgarbage\\r\\n');
  world.mail.log('postscreen', 910, 'NON-SMTP COMMAND from [54.240.27.76]:4000 after CONNECT: qzgarbage');
  world.mail.log(
    'smtpd',
    1038,
    'NOQUEUE: reject: RCPT from qzptr.example[54.240.27.75]: 450 4.7.1 <qzhelo>: Helo command rejected: ' +
      'Host not found; from=<qzfrom@a.example> to=<qzrcpt@example.test> proto=ESMTP helo=<qzhelo>',
  );
  await world.alert('reload-done');
  await world.alert('other-gate');
  await world.until('DNS was asked', () => world.questions.some((one) => one.startsWith('PTR ')));
  await world.pass(60_000);
  await world.stop();

  const names = await readdir(world.folder);
  const files = names.filter((name) => !name.endsWith('.sock'));
  expect(files.sort()).toEqual(['postscreen_access.cidr', 'state.json']);
  const places = {
    names: names.join('\n'),
    files: (await Promise.all(files.map((name) => readFile(join(world.folder, name), 'latin1')))).join('\n'),
    requests: world.engine.requests.join('\n'),
    commands: commands.join('\n'),
    questions: world.questions.join('\n'),
    alerts: JSON.stringify(world.alerts),
    errors: world.errors.join('\n'),
  };
  expect(places.files).toContain('54.240.0.0/17 permit');
  expect(places.commands).toContain('postmap');
  for (const [place, text] of Object.entries(places)) expect(text, place).not.toMatch(MARK);
});
