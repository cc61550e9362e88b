import { describe, expect, it } from 'vitest';
import { Patient, TABLE } from '../double/patient.ts';
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
    remedy: /docker-mailserver takes a minute.*supervisorctl status/s,
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
    remedy: /postfix-master\.cf:\n {2}smtp\/inet\/postscreen_access_list=permit_mynetworks, cidr:/,
  },
  {
    title: "an operator's table behind ours",
    make: ({ mail }) => {
      mail.accessList = `cidr:${TABLE}, cidr:/etc/mine.cidr`;
    },
    ills: { order: 'warn' },
    check: 'order',
    says: /ignores cidr:\/etc\/mine\.cidr behind it/,
    remedy: /\n {2}postscreen_access_list = cidr:\/etc\/mine\.cidr, cidr:\/etc\/screenpass/,
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
    remedy: /postfix-master\.cf:\n {2}smtp\/inet\/postscreen_access_list=cidr:.*, reject\n/,
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
  findsEach(POSTFIX);

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
