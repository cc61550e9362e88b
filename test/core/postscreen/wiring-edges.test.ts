import { describe, expect, it } from 'vitest';
import {
  accessLists,
  inetServices,
  inOrder,
  judgeMount,
  judgeOrder,
  judgeWiring,
  listItems,
  NO_POSTSCREEN,
  namesakes,
  override,
  pathRemedy,
} from '../../../src/core/postscreen/wiring.ts';

const TABLE = '/etc/screenpass/t.cidr';
const POSTFIX = {
  ...{ accessList: `permit_mynetworks, cidr:${TABLE}`, overrides: '', mynetworks: '127.0.0.0/8' },
  services: 'smtp inet n - n - 1 postscreen\n',
};
const LINE = `postscreen_access_list = permit_mynetworks, cidr:${TABLE}`;

describe('the items of a list', () => {
  it.each([
    ['', []],
    [' ,\t\r\n', []],
    ['a b,c\td\re\nf', ['a', 'b', 'c', 'd', 'e', 'f']],
    ['cidr:{ {1 p}, {2 r} } b', ['cidr:{ {1 p}, {2 r} }', 'b']],
    ['a} b} c', ['a}', 'b}', 'c']],
    ['} { a b } c', ['}', '{ a b }', 'c']],
    ['a { b, c', ['a', '{ b, c']],
    ['{{a} b', ['{{a} b']],
    ['{a}} b', ['{a}}', 'b']],
  ])('of %j', (text, items) => expect(listItems(text)).toEqual(items));
});

describe('the wiring', () => {
  it.each([
    [{ accessList: 'permit_mynetworks' }, []],
    [{ services: '' }, []],
    [{}, [TABLE]],
  ])('that is missing (%j, mounts %j) has the line that main.cf needs', (change, mounts) => {
    expect(judgeWiring({ ...POSTFIX, ...change }, TABLE, mounts)).toMatchObject({
      kind: 'not-wired',
      line: LINE,
    });
  });

  it('that is missing has a reason that names nothing else', () => {
    const { reason } = judgeWiring({ ...POSTFIX, accessList: 'permit' }, TABLE, []) as { reason: string };
    expect(reason).toBe('postscreen_access_list does not name it');
  });

  it('without a postscreen, and with a table that is a mount, says so', () => {
    expect(judgeWiring({ ...POSTFIX, services: '' }, TABLE, [])).toMatchObject(NO_POSTSCREEN);
    expect(judgeWiring(POSTFIX, TABLE, ['/x', TABLE])).toMatchObject({
      reason: `${TABLE} is mounted as a single file, which never changes inside the container`,
    });
    expect(judgeMount(TABLE, ['/etc/screenpass'])).toBeNull();
  });

  it('with a table of the same name in another directory names it, and the line that was needed else', () => {
    const accessList = 'cidr:/other/t.cidr, permit_mynetworks';
    const wiring = judgeWiring({ ...POSTFIX, accessList }, TABLE, []);
    expect(wiring).toEqual({
      kind: 'not-wired',
      reason: 'postscreen_access_list does not name it; it names /other/t.cidr',
      line: `postscreen_access_list = cidr:/other/t.cidr, permit_mynetworks, cidr:${TABLE}`,
      remedy: expect.stringMatching(/^If \/other\/t\.cidr is the table .* If not: Put this line into/s),
    });
  });

  it('knows such tables by the whole name, each once, and in all services', () => {
    const services = `${POSTFIX.services}25 inet n - n - 1 postscreen\nsmtps inet n - n - - smtpd\n`;
    const overrides =
      '25/inet/postscreen_access_list = cidr:/c/t.cidr, texthash:/d/t.cidr, xcidr:/e/t.cidr\n';
    const accessList = `cidr:${TABLE}, cidr:/a/t.cidr cidr:/b/other.cidr cidr:/a/t.cidr cidr:x/t.cidr cidr:/c/\nt.cidr`;
    const found = namesakes({ ...POSTFIX, services, overrides, accessList }, TABLE);
    expect(found).toEqual(['/a/t.cidr', '/c/t.cidr']);
    expect(namesakes(POSTFIX, TABLE)).toEqual([]);
  });

  it('that has another path in the mail container is cured by the setting', () =>
    expect(pathRemedy('/other/t.cidr')).toBe(
      'Put this into compose.yaml:\n  services:\n    screenpass:\n      environment:\n' +
        '        SCREENPASS_TABLE_IN_CONTAINER: /other/t.cidr\nThen docker compose up -d screenpass',
    ));
});

describe('the order of a list', () => {
  const order = (accessList: string, more: Partial<typeof POSTFIX> = {}) =>
    judgeOrder({ ...POSTFIX, ...more, accessList }, TABLE);

  it('of a service that does not name the table is not judged', () => {
    expect(order('permit, cidr:/a')).toBeNull();
    expect(order('reject cidr:/a, cidr:/b')).toBeNull();
  });

  it('names the tables that would be switched off, up to what answers for everybody', () => {
    const reason = order(`cidr:${TABLE} cidr:/a permit_mynetworks cidr:/b reject cidr:/c`)?.reason;
    expect(reason).toBe('Postfix ignores cidr:/a and cidr:/b behind it whenever it cannot read it');
    expect(order(`cidr:${TABLE}, permit_mynetworks`)).toBeNull();
  });

  it('is that of each service, of which the second may be wrong', () => {
    const services = `${POSTFIX.services}25 inet n - n - 1 postscreen\n`;
    const overrides = `25/inet/postscreen_access_list = permit cidr:${TABLE}\n`;
    const { line, reason } = order(`cidr:${TABLE}`, { services, overrides }) ?? {};
    expect(reason).toMatch(/^"permit" /);
    expect(line).toBe(`25/inet/postscreen_access_list=cidr:${TABLE},permit`);
  });

  it('has the table last of all tables, and in front of what answers for everybody', () => {
    expect(inOrder([`cidr:${TABLE}`, 'cidr:/a', 'PERMIT_MYNETWORKS', 'dunno', 'cidr:/b'], TABLE)).toEqual([
      ...['cidr:/a', 'PERMIT_MYNETWORKS', `cidr:${TABLE}`, 'dunno', 'cidr:/b'],
    ]);
    expect(inOrder([], TABLE)).toEqual([`cidr:${TABLE}`]);
  });
});

describe('master.cf', () => {
  it('has services of the network, without those that are switched off or cut', () => {
    const services =
      'smtp inet n - n - 1 postscreen -o x=y\n#a inet n - n - 1 postscreen\nb unix n - n - 1 c\nd inet\n\n';
    expect(inetServices(services)).toEqual([
      { name: 'smtp', program: 'postscreen' },
      { name: 'd', program: '' },
    ]);
  });

  it('overrides a parameter of one service, without blanks around the value', () => {
    const overrides = 'smtp/inet/mynetworks =  10.0.0.0/8 \nsmtp/inet/a = b\n';
    expect(override(overrides, 'smtp', 'mynetworks')).toBe('10.0.0.0/8');
    expect(override(overrides, 'smtps', 'mynetworks')).toBeUndefined();
    expect(override(`x${overrides}`, 'smtp', 'mynetworks')).toBeUndefined();
  });

  it('gives each postscreen service its list and its mynetworks', () => {
    const services = `${POSTFIX.services}25 inet n - n - 1 postscreen\nsubmission inet n - n - - smtpd\n`;
    const overrides = '25/inet/postscreen_access_list =\n25/inet/mynetworks = 10.0.0.0/8\n';
    expect(accessLists({ ...POSTFIX, services, overrides })).toEqual([
      {
        ...{ service: 'smtp', overridden: false, mynetworks: '127.0.0.0/8' },
        items: ['permit_mynetworks', `cidr:${TABLE}`],
      },
      { service: '25', overridden: true, mynetworks: '10.0.0.0/8', items: [] },
    ]);
  });
});
