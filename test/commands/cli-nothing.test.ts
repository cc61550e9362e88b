// What is no mail log and no list is said to be none, whatever it is.
import { describe, expect, it } from 'vitest';
import { screenpass } from '../double/program.ts';
import { createRandom } from '../random.ts';

const DOVECOT = `${'Nov 24 02:24:10 mail dovecot: imap-login: Login: user=<a@b>, method=PLAIN, rip=192.0.2.1, TLS\n'.repeat(3)}`;
const CONTENTS: readonly (readonly [string, string | Buffer, lines: number])[] = [
  ['a passwd file', 'root:x:0:0:root:/root:/bin/bash\nmail:x:8:8:mail:/var/mail:/usr/sbin/nologin\n', 2],
  ['a log of Dovecot alone', DOVECOT, 3],
  ['a mail', 'From: a@b.example\n\nfrom [54.240.27.75] by postfix/postscreen[1]: CONNECT', 3],
  ['JSON', '{"n":1,"program":"postscreen","kind":"connect"}\n', 1],
  ['nothing', '', 0],
  ['an empty line', '\n', 1],
];

describe.each(CONTENTS)('%s', (_, input, lines) => {
  const read = lines === 1 ? '1 line was read' : `${lines} lines were read`;

  it.each([[['parse']], [['parse', '--json']]])('has no line of Postfix for %j', async (args) => {
    const { code, stdout, stderr } = await screenpass(args, { input });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `screenpass: stdin has no line of Postfix (${read}); a mail log is what docker logs mailserver prints\n`,
    );
  });

  it('holds none for replay, which has its report all the same', async () => {
    const { code, stdout, stderr } = await screenpass(['replay', '--json'], { input });
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ lines, postfixLines: 0, senders: [] });
    expect(stderr).toContain(`stdin has no line of Postfix (${read})`);
    expect(await screenpass(['replay'], { input })).toMatchObject({ code: 1, stderr });
  });

  it('is no list for import', async () => {
    const { code, stderr } = await screenpass(['import', '-'], { input });
    expect(code).toBe(1);
    expect(stderr).toContain(`stdin has no network and no rule of Postfix (${read}); a list has `);
  });
});

it('random bytes are neither', async () => {
  const random = createRandom(25);
  const input = Buffer.from(Array.from({ length: 100_000 }, () => random.below(256)));
  for (const args of [['parse'], ['parse', '--json'], ['replay'], ['import', '-']]) {
    const { code, stderr } = await screenpass(args, { input });
    expect([args, code]).toEqual([args, 1]);
    expect(stderr).toMatch(/^screenpass: stdin has no /);
  }
});
