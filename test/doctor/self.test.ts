import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe } from 'vitest';
import { type Knowledge, knowledgeOf } from '../../src/core/senders/knowledge.ts';
import { FileError } from '../../src/ports.ts';
import type { Zone } from '../double/dns-zone.ts';
import { SENDERS } from '../double/patient.ts';
import { findsEach, type Illness, unknowns } from './illness.ts';

function ses(changes: Partial<Knowledge>): { senders: Record<string, Knowledge> } {
  const sender = SENDERS.find(({ id }) => id === 'amazon-ses');
  if (sender === undefined) throw new Error();
  return { senders: { 'amazon-ses': { ...knowledgeOf(sender, {}), ...changes } } };
}

/** What the zone lists. */
function veto(zone: string, ...addresses: string[]): Zone {
  return Object.fromEntries(
    addresses.map((one) => [`${one.split('.').reverse().join('.')}.${zone}`, { A: ['127.0.0.2'] }]),
  );
}

const LISTED = { networks: ['54.240.0.0/17'], unlistable: false, at: Date.parse('2026-11-20T00:00:00Z') };
const SWING = { kind: 'suspicious', reason: 'loses more than half', acceptable: true, since: 0 } as const;

const OWN: readonly Illness[] = [
  {
    title: 'clients behind the gateway',
    make: async (patient) => {
      patient.engine.recreate();
      await patient.connect('172.18.0.1');
    },
    ills: { clients: 'warn' },
    check: 'clients',
    says: /Postfix sees only 172\.18\.0\.1: /,
    remedy: /"userland-proxy": false.*enable_ipv6: true/s,
    code: 0,
  },
  {
    title: 'DNS that is dead',
    make: (patient) => {
      const dead = Object.keys(patient.zone).map((name) => [name, 'TIMEOUT'] as const);
      patient.zone = Object.fromEntries(dead);
    },
    ills: { dns: 'fail' },
    check: 'dns',
    says: /amazonses\.com: timeout, .* \(through the system's DNS server\)/,
    remedy: /network_mode: none.*name another DNS server:.*SCREENPASS_DNS: /s,
  },
  {
    title: 'DNS that knows nothing',
    make: (patient) => {
      patient.zone = {};
      patient.env.SCREENPASS_DNS = '192.0.2.53';
    },
    ills: { dns: 'fail' },
    check: 'dns',
    says: /amazonses\.com: no such name.*through the DNS server 192\.0\.2\.53/,
    remedy: /^These names exist: .* check SCREENPASS_DNS \(192\.0\.2\.53\): without it/s,
  },
  {
    title: 'DNS that answers for some',
    make: (patient) => {
      patient.zone = { ...patient.zone, 'amazonses.com': 'SERVFAIL' };
    },
    ills: { dns: 'warn' },
    check: 'dns',
    says: /amazonses\.com: servfail, .*: found/,
    remedy: /SCREENPASS_DNS/,
    code: 0,
  },
  {
    title: 'a veto zone that is not there',
    make: (patient) => {
      patient.env.SCREENPASS_VETO_DNSBL = 'typo.example.org';
    },
    ills: { veto: 'fail' },
    check: 'veto',
    says: /typo\.example\.org does not list 127\.0\.0\.2/,
    remedy: /Correct its name in SCREENPASS_VETO_DNSBL/,
  },
  {
    title: 'a veto zone that lists everything',
    make: (patient) => {
      patient.env.SCREENPASS_VETO_DNSBL = 'good.example.org,all.example.org';
      patient.zone = {
        ...patient.zone,
        ...veto('good.example.org', '127.0.0.2'),
        ...veto('all.example.org', '127.0.0.2', '127.0.0.1'),
      };
    },
    ills: { veto: 'fail' },
    check: 'veto',
    says: /^all\.example\.org lists 127\.0\.0\.1, so perhaps everything$/,
    remedy: /lists everything/,
  },
  {
    title: 'a veto zone that refuses the resolver',
    make: (patient) => {
      patient.env.SCREENPASS_VETO_DNSBL = 'zen.example.org';
      const error = { A: ['127.255.255.254'] };
      patient.zone = {
        ...patient.zone,
        '2.0.0.127.zen.example.org': error,
        '1.0.0.127.zen.example.org': error,
      };
    },
    ills: { veto: 'fail' },
    check: 'veto',
    says: /zen\.example\.org: the zone refuses questions that come through a public resolver/,
    remedy: /SCREENPASS_DNS: ADDRESS/,
  },
  {
    title: 'a sender that has not answered for days',
    make: (patient) => patient.writeState(ses({ listed: LISTED })),
    ills: { senders: 'warn' },
    check: 'senders',
    says: /without a fresh answer: amazon-ses/,
    remedy: /docker exec screenpass screenpass refresh$/,
    code: 0,
  },
  {
    title: 'senders that never answered',
    make: (patient) => {
      const failed = { kind: 'failed', reason: 'no answer', acceptable: false, since: 0 } as const;
      const senders = SENDERS.map((sender) => [sender.id, { ...knowledgeOf(sender, {}), trouble: failed }]);
      return patient.writeState({ senders: Object.fromEntries(senders) });
    },
    ills: { senders: 'warn' },
    check: 'senders',
    says: /without a fresh answer: amazon-ses, google, .* and \d\d more$/,
    remedy: /Ask again, once DNS answers/,
    code: 0,
  },
  {
    title: 'a sender whose new list is suspicious',
    make: (patient) => patient.writeState(ses({ listed: LISTED, trouble: SWING })),
    ills: { senders: 'warn' },
    check: 'senders',
    says: /the new list of amazon-ses is suspicious \(loses more than half\)/,
    remedy: /screenpass refresh --accept amazon-ses$/,
    code: 0,
  },
  {
    title: 'an old catalogue',
    make: (patient) => {
      patient.now += 120 * 86_400_000;
    },
    ills: { catalogue: 'warn' },
    check: 'catalogue',
    says: /12\d days old/,
    remedy: /newer version/,
    code: 0,
  },
  {
    title: 'a state that cannot be read',
    make: ({ folder }) => writeFile(join(folder, 'state.json'), '{'),
    ills: { state: 'fail', ...unknowns('senders') },
    check: 'state',
    says: /JSON/,
    remedy: /moves it aside/,
  },
  {
    title: 'a state directory that is not there',
    make: ({ env, folder }) => {
      env.SCREENPASS_STATE_DIR = join(folder, 'nowhere');
    },
    ills: { state: 'fail' },
    check: 'state',
    says: /its directory does not exist/,
    remedy: /- screenpass-state:.*nowhere\//,
  },
  {
    title: 'a daemon that does not run',
    make: (patient) => {
      patient.askDaemon = () => Promise.reject(new FileError('no screenpass runs with this state directory'));
    },
    ills: { daemon: 'warn' },
    check: 'daemon',
    says: /no screenpass runs/,
    remedy: /docker compose up -d screenpass/,
    code: 0,
  },
];

describe('doctor at screenpass itself', () => {
  findsEach(OWN);
});
