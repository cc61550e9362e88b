import { describe, expect, it } from 'vitest';
import { inetServices, judgeOrder, judgeWiring, override } from '../../../src/core/postscreen/wiring.ts';

const TABLE = '/etc/screenpass/postscreen_access.cidr';
const POSTFIX = {
  accessList: `permit_mynetworks, cidr:${TABLE}`,
  overrides: '',
  mynetworks: '127.0.0.0/8',
  services:
    'smtp       inet  n       -       n       -       1       postscreen\nsmtpd      pass  -       -       n       -       -       smtpd\n',
};

describe('postscreen uses the table', () => {
  it('when main.cf names it', () => expect(judgeWiring(POSTFIX, TABLE, []).kind).toBe('wired'));

  it('when an override in master.cf names it', () => {
    const overrides = `smtp/inet/postscreen_access_list = cidr:${TABLE}\n`;
    const wiring = judgeWiring({ ...POSTFIX, accessList: 'permit_mynetworks', overrides }, TABLE, []);
    expect(wiring.kind).toBe('wired');
  });

  it('when each postscreen service does, by its own list or by main.cf', () => {
    const services = `${POSTFIX.services}12525 inet n - n - 1 postscreen -o syslog_name=postfix/proxy\n`;
    const overrides = `12525/inet/postscreen_access_list = cidr:${TABLE}\n`;
    expect(judgeWiring({ ...POSTFIX, services, overrides }, TABLE, []).kind).toBe('wired');
    const accessList = 'permit_mynetworks';
    expect(judgeWiring({ ...POSTFIX, services, overrides, accessList }, TABLE, []).kind).toBe('not-wired');
  });
});

describe('postscreen does not use the table', () => {
  it('by default, and the line to add keeps what is set', () => {
    expect(judgeWiring({ ...POSTFIX, accessList: 'permit_mynetworks' }, TABLE, [])).toMatchObject({
      kind: 'not-wired',
      line: `postscreen_access_list = permit_mynetworks, cidr:${TABLE}`,
      remedy: expect.stringMatching(/postfix-main\.cf.*re-create/s),
    });
    const others = judgeWiring(
      { ...POSTFIX, accessList: 'cidr:/etc/mine.cidr permit_mynetworks' },
      TABLE,
      [],
    );
    expect(others).toMatchObject({
      line: `postscreen_access_list = cidr:/etc/mine.cidr, permit_mynetworks, cidr:${TABLE}`,
    });
  });

  it('when main.cf names another file whose name begins the same', () => {
    expect(judgeWiring({ ...POSTFIX, accessList: `cidr:${TABLE}.old` }, TABLE, []).kind).toBe('not-wired');
  });

  it('when master.cf overrides main.cf for a service', () => {
    const overrides = 'smtp/inet/postscreen_access_list = permit_mynetworks\n';
    expect(judgeWiring({ ...POSTFIX, overrides }, TABLE, [])).toMatchObject({
      kind: 'not-wired',
      reason: expect.stringContaining('smtp/inet'),
      line: `smtp/inet/postscreen_access_list=permit_mynetworks,cidr:${TABLE}`,
      remedy: expect.stringContaining('postfix-master.cf'),
    });
  });

  it('when master.cf has no postscreen', () => {
    const services = 'smtp inet n - n - - smtpd\n#smtp inet n - n - 1 postscreen\n';
    expect(judgeWiring({ ...POSTFIX, services }, TABLE, [])).toMatchObject({
      reason: expect.stringContaining('no postscreen'),
    });
  });

  it('when the mail container has the file as a mount of its own', () => {
    expect(judgeWiring(POSTFIX, TABLE, [TABLE])).toMatchObject({
      remedy: expect.stringContaining('directory'),
    });
  });
});

describe('the place of the table in the list', () => {
  const order = (accessList: string) => judgeOrder({ ...POSTFIX, accessList }, TABLE);

  it.each([
    `permit_mynetworks, cidr:${TABLE}`,
    `cidr:/etc/mine.cidr PERMIT_MYNETWORKS\tcidr:${TABLE}`,
    `cidr:${TABLE}, reject`,
    `cidr:{ {192.0.2.1 permit}, {192.0.2.2 reject} }, cidr:${TABLE}`,
    'permit_mynetworks',
  ])('is right in "%s"', (accessList) => {
    expect(order(accessList)).toBeNull();
  });

  it('is wrong before a table of the operator', () => {
    expect(order(`cidr:${TABLE}, cidr:/etc/mine.cidr, permit_mynetworks`)).toMatchObject({
      reason: expect.stringContaining('cidr:/etc/mine.cidr'),
      line: `postscreen_access_list = cidr:/etc/mine.cidr, permit_mynetworks, cidr:${TABLE}`,
      remedy: expect.stringContaining('postfix-main.cf:\n  postscreen_access_list = '),
    });
  });

  it.each(['permit', 'REJECT', 'dunno', 'nonsense'])('is wrong behind "%s"', (word) => {
    expect(order(`permit_mynetworks, ${word}, cidr:${TABLE}`)).toMatchObject({
      reason: expect.stringContaining(`"${word}"`),
      line: `postscreen_access_list = permit_mynetworks, cidr:${TABLE}, ${word}`,
    });
  });

  it('is looked at in the overrides of master.cf, too', () => {
    const overrides = `smtp/inet/postscreen_access_list = cidr:${TABLE}, cidr:/etc/mine.cidr\n`;
    expect(judgeOrder({ ...POSTFIX, overrides }, TABLE)).toMatchObject({
      line: `smtp/inet/postscreen_access_list=cidr:/etc/mine.cidr,cidr:${TABLE}`,
    });
  });

  it('is right after the line that is to be put there was put there', () => {
    const lists = ['reject', `permit, cidr:${TABLE}`, `cidr:${TABLE} cidr:/a reject cidr:/b`, ''];
    for (const list of lists) {
      const { line } =
        order(list) ?? (judgeWiring({ ...POSTFIX, accessList: list }, TABLE, []) as { line: string });
      const accessList = line.slice('postscreen_access_list = '.length);
      expect(judgeWiring({ ...POSTFIX, accessList }, TABLE, [])).toEqual({ kind: 'wired' });
      expect(order(accessList)).toBeNull();
    }
  });
});

describe('what master.cf says', () => {
  it('is read by service', () => {
    expect(inetServices(POSTFIX.services)).toEqual([{ name: 'smtp', program: 'postscreen' }]);
  });

  it('can set a parameter to nothing', () => {
    const overrides = 'smtp/inet/postscreen_dnsbl_sites =\nsmtp/inet/postscreen_dnsbl_sites_more = x\n';
    expect(override(overrides, 'smtp', 'postscreen_dnsbl_sites')).toBe('');
    expect(override(overrides, '25', 'postscreen_dnsbl_sites')).toBeUndefined();
  });
});
