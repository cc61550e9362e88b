import { describe, expect, it } from 'vitest';
import { exitCode } from '../../src/core/doctor/all-checks.ts';
import { EngineError } from '../../src/ports.ts';
import { Patient } from '../double/patient.ts';
import { except, findsEach, type Illness, IN_CONTAINER, ills, of, unknowns } from './illness.ts';

const PROXY = /tecnativa\/docker-socket-proxy.*environment:\n/s;

const ENGINE: readonly Illness[] = [
  {
    title: 'an Engine that is away',
    make: ({ engine }) => engine.close(),
    ills: { engine: 'fail', ...unknowns('container', ...IN_CONTAINER) },
    check: 'engine',
    says: /no Engine socket at unix:.*docker\.sock/,
    remedy: /- \/var\/run\/docker\.sock:\/var\/run\/docker\.sock\n/,
    code: 3,
  },
  {
    title: 'a container that is not there',
    make: ({ env }) => {
      env.SCREENPASS_CONTAINER = 'mail-server';
    },
    ills: { container: 'fail', ...unknowns(...IN_CONTAINER) },
    check: 'container',
    says: /has no container mail-server$/,
    remedy:
      /Set SCREENPASS_CONTAINER to its name.*\n {2}mailserver \(mailserver\/docker-mailserver:latest\)$/,
  },
  {
    title: 'a container that is not there, when none is like it',
    make: ({ engine }) => engine.remove(),
    ills: { container: 'fail', ...unknowns(...IN_CONTAINER) },
    check: 'container',
    says: /has no container mailserver$/,
    remedy: /^Set SCREENPASS_CONTAINER to its name, not "mailserver"$/,
  },
  {
    title: 'a container that is stopped',
    make: ({ engine }) => engine.stop(),
    ills: { container: 'fail', ...unknowns(...IN_CONTAINER) },
    check: 'container',
    says: /mailserver does not run/,
    remedy: /docker compose up -d mailserver/,
  },
  {
    title: 'a postscreen that logs under a name of its own',
    make: ({ engine }) =>
      engine.say(
        'stdout',
        '2026-11-24T02:00:00+00:00 mail haproxy/postscreen[9]: CONNECT from [192.0.2.1]:25 to [192.0.2.2]:25',
      ),
    ills: { log: 'warn' },
    check: 'log',
    says: /logs as haproxy\/postscreen, which screenpass does not read/,
    remedy: /^Give postscreen a syslog_name that begins with postfix, smtp or submission/,
    code: 0,
  },
  {
    title: 'a log driver that keeps nothing',
    make: ({ engine }) => engine.logDriver('none'),
    ills: { log: 'fail', ...unknowns('clients') },
    check: 'log',
    says: /does not support reading/,
    remedy: /"none".*\n {6}logging:\n {8}driver: json-file\n/s,
  },
  {
    title: 'a log driver that sends everything away',
    make: ({ engine }) => engine.logDriver('syslog', 500),
    ills: { log: 'fail', ...unknowns('clients') },
    check: 'log',
    says: /does not support reading/,
    remedy: /"syslog"/,
  },
];

const PROXIES: readonly Illness[] = [
  {
    title: 'a socket proxy that lets nothing through',
    make: ({ engine }) => engine.behindProxy(),
    ills: { engine: 'fail', log: 'fail', exec: 'fail', ...unknowns('container', ...except('log', 'exec')) },
    check: 'engine',
    says: /refused .*GET \/containers\/\{id\}\/json, GET \/containers\/\{id\}\/logs, .*GET \/exec\/\{id\}\/json/,
    remedy: / {4}CONTAINERS: '1'\n {4}EXEC: '1'\n {4}POST: '1'$/,
    code: 3,
  },
  {
    title: 'a socket proxy that lets nobody run commands',
    make: ({ engine }) => engine.behindProxy('CONTAINERS'),
    ills: { exec: 'fail', ...unknowns(...except('log', 'exec', 'clients')) },
    check: 'exec',
    says: /POST \/containers\/\{id\}\/exec, POST \/exec\/\{id\}\/start, GET \/exec\/\{id\}\/json$/,
    remedy: PROXY,
  },
  {
    title: 'a socket proxy that makes commands and starts none',
    make: ({ engine }) => engine.behindProxy('CONTAINERS', 'POST'),
    ills: { exec: 'fail', ...unknowns(...except('log', 'exec', 'clients')) },
    check: 'exec',
    says: /proxy: POST \/exec\/\{id\}\/start, GET \/exec\/\{id\}\/json$/,
    remedy: /environment:\n {4}EXEC: '1'\n {4}POST: '1'$/,
  },
  {
    title: 'a socket proxy that is enough for observe mode',
    make: ({ engine, env }) => {
      engine.behindProxy('CONTAINERS');
      env.SCREENPASS_MODE = 'observe';
    },
    ills: { exec: 'warn', mode: 'warn', ...unknowns(...except('log', 'exec', 'clients')) },
    check: 'mode',
    says: /observe/,
    remedy: /SCREENPASS_MODE: enforce/,
    code: 0,
  },
  {
    title: 'a container that runs commands as somebody else',
    make: ({ mail }) => {
      mail.uid = 1000;
    },
    ills: { reload: 'fail' },
    check: 'reload',
    says: /user 1000.*needs root/,
    remedy: /Remove user: from/,
  },
];

describe('doctor at the Engine', () => {
  findsEach([...ENGINE, ...PROXIES]);

  it('says that it may not open the socket', async () => {
    await using patient = await Patient.create();
    const refuse = () => Promise.reject(new EngineError('denied', 'no permission to open unix:///d.sock'));
    const engine = {
      inspect: refuse,
      refusedCalls: refuse,
      containers: refuse,
      lastLines: refuse,
      exec: refuse,
      follow: () => {
        throw new Error('nobody follows');
      },
    };
    const findings = await patient.look({ engine });
    expect(of('engine', findings)).toMatchObject({
      verdict: 'fail',
      says: 'no permission to open unix:///d.sock',
      remedy: expect.stringContaining('root or its group'),
    });
    expect(exitCode(findings)).toBe(3);
  });

  it('does not know who connects when nobody did, or only the container itself', async () => {
    await using patient = await Patient.create();
    patient.engine.recreate();
    await patient.connect('127.0.0.1');
    expect(ills(await patient.look())).toEqual({ clients: 'unknown' });
  });

  it('names a proxy when the addresses are private and not of the Engine', async () => {
    await using patient = await Patient.create();
    patient.engine.recreate();
    await patient.connect('10.9.8.7');
    expect(of('clients', await patient.look())).toMatchObject({
      verdict: 'warn',
      remedy: expect.stringContaining('postscreen_upstream_proxy_protocol'),
    });
  });
});
