import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Patient, TABLE } from '../double/patient.ts';
import { follow } from './follow.ts';
import { findsEach, type Illness, of, unknowns } from './illness.ts';

const POSTFIX: readonly Illness[] = [
  {
    title: 'Postfix that does not run',
    make: ({ mail }) => {
      mail.reload = 'fails';
    },
    ills: { postfix: 'fail', ...unknowns('postscreen', 'wired', 'order', 'dnsbl', 'action') },
    check: 'postfix',
    says: /Postfix does not run/,
    remedy: /docker-mailserver needs a minute.*supervisorctl status/s,
  },
  {
    title: 'a master.cf without postscreen',
    make: ({ mail }) => {
      mail.wiring = 'no-postscreen';
    },
    ills: { postscreen: 'fail', ...unknowns('wired', 'order', 'dnsbl', 'action') },
    check: 'postscreen',
    says: /no postscreen service; smtpd answers at port 25 \(smtp\) itself/,
    remedy: /user-patches\.sh.*\n {2}postconf -M 'smtp\/inet=smtp inet n - n - 1 postscreen'\n/s,
  },
  {
    title: 'a table that nobody named',
    make: ({ mail }) => {
      mail.wiring = 'not-wired';
    },
    ills: { wired: 'fail', ...unknowns('order') },
    check: 'wired',
    says: /postscreen_access_list does not name it/,
    remedy:
      /config\/postfix-main\.cf:\n {2}postscreen_access_list = permit_mynetworks, cidr:\/etc\/screenpass\/.*\n.*re-create/,
  },
  {
    title: 'an override in master.cf',
    make: ({ mail }) => {
      mail.wiring = 'overridden';
    },
    ills: { wired: 'fail', ...unknowns('order') },
    check: 'wired',
    says: /master\.cf has its own list for smtp\/inet/,
    remedy: /postfix-master\.cf:\n {2}smtp\/inet\/postscreen_access_list=permit_mynetworks,cidr:/,
  },
  {
    title: "an operator's table behind ours",
    make: async ({ mail, folder }) => {
      await writeFile(join(folder, 'mine.cidr'), '198.51.100.0/24 reject\n');
      mail.accessList = `cidr:${TABLE}, cidr:/etc/screenpass/mine.cidr`;
    },
    ills: { order: 'warn' },
    check: 'order',
    says: /ignores cidr:\/etc\/screenpass\/mine\.cidr behind it/,
    remedy:
      /\n {2}postscreen_access_list = cidr:\/etc\/screenpass\/mine\.cidr, cidr:\/etc\/screenpass\/postscreen/,
    code: 0,
  },
  {
    title: 'a list that answers everybody in front of ours',
    make: ({ mail }) => {
      mail.overrides = { postscreen_access_list: `reject, cidr:${TABLE}` };
    },
    ills: { order: 'fail' },
    check: 'order',
    says: /^"reject" answers for 54\.240\.0\.0 \(amazon-ses\) before the table$/,
    remedy: /postfix-master\.cf:\n {2}smtp\/inet\/postscreen_access_list=cidr:.*,reject\n/,
  },
  {
    title: 'a table in front of ours that is not there',
    make: ({ mail }) => {
      mail.accessList = `permit_mynetworks, hash:/etc/postfix/own_access, cidr:${TABLE}`;
    },
    ills: { order: 'fail' },
    check: 'order',
    says: /^hash:\/etc\/postfix\/own_access: open database .*: No such file or directory; Postfix ignores the remainder/,
    remedy:
      /^Either restore hash:\/etc\/postfix\/own_access, .*; or do without:\nPut .*:\n {2}postscreen_access_list = permit_mynetworks, cidr:\S+\n/,
  },
  {
    title: 'a result in front of ours that Postfix does not know',
    make: async ({ mail, folder }) => {
      await writeFile(join(folder, 'mine.cidr'), '54.240.0.0/16 OK\n');
      mail.accessList = `cidr:/etc/screenpass/mine.cidr, cidr:${TABLE}`;
    },
    ills: { order: 'fail' },
    check: 'order',
    says: /^cidr:\/etc\/screenpass\/mine\.cidr: unknown command: OK; Postfix ignores the remainder of the list for 54\.240\.0\.0 \(amazon-ses\)$/,
    remedy: /^Either write permit, reject or dunno in place of "OK" in cidr:\/etc\/screenpass\/mine\.cidr, /,
  },
  {
    title: 'a table in front of ours that rejects everybody',
    make: async ({ mail, folder }) => {
      await writeFile(join(folder, 'mine.cidr'), '0.0.0.0/0 reject\n');
      mail.accessList = `cidr:/etc/screenpass/mine.cidr, cidr:${TABLE}`;
    },
    ills: { order: 'fail' },
    check: 'order',
    says: /^cidr:\/etc\/screenpass\/mine\.cidr rejects 54\.240\.0\.0 \(amazon-ses\) before the table is asked$/,
    remedy:
      /^Take away its rule in cidr:\/etc\/screenpass\/mine\.cidr, then docker exec mailserver postfix reload; or .*SCREENPASS_NEVER/,
  },
  {
    title: 'a missing table behind ours, which would be in the way in front of it',
    make: ({ mail }) => {
      mail.accessList = `cidr:${TABLE}, hash:/etc/postfix/own_access`;
    },
    ills: { order: 'warn' },
    check: 'order',
    says: /ignores hash:\/etc\/postfix\/own_access behind it/,
    remedy: /\n {2}postscreen_access_list = cidr:\S+\n/,
    code: 0,
  },
  {
    title: 'a table that Postfix has under another path',
    make: ({ mail, env }) => {
      mail.table = { ...mail.table, inContainer: '/tmp/docker-mailserver/postscreen_access.cidr' };
      env.SCREENPASS_TABLE_IN_CONTAINER = TABLE;
    },
    ills: { wired: 'fail', 'table-postfix': 'fail', ...unknowns('order', 'table-shared') },
    check: 'wired',
    says: /^postscreen asks cidr:\/tmp\/docker-mailserver\/postscreen_access\.cidr, which is the table; not \/etc\/screenpass\//,
    remedy: /\n {8}SCREENPASS_TABLE_IN_CONTAINER: \/tmp\/docker-mailserver\/postscreen_access\.cidr\n/,
  },
  {
    title: 'a table of the same name in the list, which is another one',
    make: ({ mail }) => {
      mail.accessList = 'cidr:/etc/postfix/postscreen_access.cidr';
    },
    ills: { wired: 'fail', ...unknowns('order') },
    check: 'wired',
    says: /does not name it; it names \/etc\/postfix\/postscreen_access\.cidr$/,
    remedy:
      /set SCREENPASS_TABLE_IN_CONTAINER to that path\. If not: Put this line .*\n {2}postscreen_access_list = /,
  },
  {
    title: 'blocklists that are off',
    make: ({ mail }) => {
      mail.parameters = { ...mail.parameters, postscreen_dnsbl_sites: '' };
    },
    ills: { dnsbl: 'warn' },
    check: 'dnsbl',
    says: /ENABLE_DNSBL=0.*PREGREET/,
    remedy: /\n {8}ENABLE_DNSBL: '1'\n/,
    code: 0,
  },
  {
    title: 'blocklists that master.cf turns off',
    make: ({ mail }) => {
      mail.overrides = { postscreen_dnsbl_sites: '' };
    },
    ills: { dnsbl: 'warn' },
    check: 'dnsbl',
    says: /no blocklist/,
    remedy: /ENABLE_DNSBL/,
    code: 0,
  },
  {
    title: 'a postscreen that only watches',
    make: ({ mail }) => {
      mail.parameters = {
        ...mail.parameters,
        postscreen_dnsbl_action: 'ignore',
        postscreen_greet_action: 'ignore',
      };
    },
    ills: { action: 'warn' },
    check: 'action',
    says: /^postscreen_dnsbl_action = ignore, postscreen_greet_action = ignore: /,
    remedy: /\n {8}POSTSCREEN_ACTION: enforce\n/,
    code: 0,
  },
];

describe('doctor at Postfix', () => {
  findsEach(POSTFIX, follow);

  it('does not take a container without Postfix for one in which it does not run yet', async () => {
    await using patient = await Patient.create();
    const program = 'exec: "postfix": executable file not found in $PATH';
    patient.engine.onExec(async ([name = '']) =>
      name === 'id'
        ? { exitCode: 0, stdout: '0\n', stderr: '' }
        : { exitCode: 126, stdout: program, stderr: '' },
    );
    expect(of('postfix', await patient.look())).toMatchObject({
      verdict: 'fail',
      says: expect.stringContaining('not found'),
      remedy: expect.stringContaining('SCREENPASS_CONTAINER'),
    });
  });
});
