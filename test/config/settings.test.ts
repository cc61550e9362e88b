import { describe, expect, it } from 'vitest';
import { type Outside, readConfig, SETTINGS } from '../../src/config/settings.ts';
import { formatNetwork } from '../../src/core/net/network.ts';
import type { SenderDefinition } from '../../src/core/senders/sender.ts';
import { cronInterval } from '../../src/edge/clock.ts';
import { FileError } from '../../src/ports.ts';

const CATALOGUE = [definition('amazon-ses', true), definition('google', true), definition('godaddy', false)];
const noFile = () => {
  throw new FileError('no such file');
};

function definition(id: string, inDefault: boolean): SenderDefinition {
  const lists = { spf: [], rdns: [], networks: [], unlistable: false, incomplete: false, pinned: false };
  const origin = { category: 'saas', confidence: 'high', source: '', seen: '' } as const;
  return { id, name: id, default: inDefault, ...origin, ...lists };
}

function outside(readFile: (path: string) => string): Outside {
  return { catalogue: CATALOGUE, readFile, cronInterval };
}

function read(env: Record<string, string>, readFile: (path: string) => string = noFile) {
  const result = readConfig(env, outside(readFile));
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result.config;
}

function problems(
  env: Record<string, string>,
  readFile: (path: string) => string = noFile,
): readonly string[] {
  const result = readConfig(env, outside(readFile));
  return result.ok ? [] : result.problems;
}

describe('the settings', () => {
  it('have the defaults of the README when nothing is set', () => {
    const day = 86_400_000;
    expect(read({})).toMatchObject({
      dockerHost: undefined,
      container: 'mailserver',
      table: '/etc/screenpass/postscreen_access.cidr',
      tableInContainer: '/etc/screenpass/postscreen_access.cidr',
      stateDir: '/var/lib/screenpass',
      mode: 'enforce',
      rules: { scope: 'sender', threshold: 1, windowMs: 3_600_000, ttlMs: 30 * day, never: [] },
      lookbackMs: day,
      reloadIntervalMs: 15_000,
      logLevel: 'info',
    });
  });

  it.each([
    ['default', ['amazon-ses', 'google']],
    ['all', ['amazon-ses', 'google', 'godaddy']],
    ['google', ['google']],
    ['+godaddy,-google', ['amazon-ses', 'godaddy']],
    ['default, +godaddy', ['amazon-ses', 'google', 'godaddy']],
    ['all -google', ['amazon-ses', 'godaddy']],
  ])('SCREENPASS_SENDERS=%s watches %j', (given, ids) => {
    expect(read({ SCREENPASS_SENDERS: given }).senders.map(({ id }) => id)).toEqual(ids);
  });

  it('watch a sender that is allowed from the start, also when it is not named', () => {
    const config = read({ SCREENPASS_SENDERS: 'google', SCREENPASS_PRESEED: 'godaddy' });
    expect(config.senders.map(({ id }) => id)).toEqual(['google', 'godaddy']);
  });

  it('clear host bits of networks', () => {
    const { never } = read({ SCREENPASS_NEVER: '54.240.27.75/18 2001:db8::1/64' }).rules;
    expect(never.map(formatNetwork)).toEqual(['54.240.0.0/18', '2001:db8::/64']);
  });

  it('can mute alert kinds', () => {
    expect([...read({ SCREENPASS_ALERTS: '-stopping, -started' }).muted]).toEqual(['stopping', 'started']);
  });

  it('are taken from files too, and an empty one is not set', () => {
    const env = { SCREENPASS_MODE__FILE: '/run/secrets/mode', SCREENPASS_TTL: '' };
    const { mode } = read(env, (path) => (path === '/run/secrets/mode' ? 'observe\n' : ''));
    expect(mode).toBe('observe');
  });

  it.each([
    ['23 4 * * *', 24],
    ['0 */6 * * *', 6],
    ['*/10 * * * *', 1 / 6],
    ['0 3 * * 0', 7 * 24],
  ])('SCREENPASS_REFRESH=%s means at most %d hours', (cron, hours) => {
    const { refresh } = read({ SCREENPASS_REFRESH: cron });
    expect(refresh.cron).toBe(cron);
    // An hour more or less where summer time begins or ends.
    expect(Math.abs(refresh.everyMs / 3_600_000 - hours)).toBeLessThanOrEqual(hours < 24 ? 0 : 1);
  });

  it('name DNS servers, or leave them to the system', () => {
    expect(read({}).dnsServers).toEqual([]);
    expect(read({ SCREENPASS_DNS: '192.0.2.53, [2001:db8::53]:5353' }).dnsServers).toEqual([
      '192.0.2.53',
      '[2001:db8::53]:5353',
    ]);
  });

  it.each([
    ['off', null],
    ['127.0.0.1:9469', { host: '127.0.0.1', port: 9469 }],
    ['[::]:80', { host: '::', port: 80 }],
    ['localhost:65535', { host: 'localhost', port: 65_535 }],
  ])('SCREENPASS_HTTP=%s is %j', (given, http) => {
    expect(read({ SCREENPASS_HTTP: given }).http).toEqual(http);
  });

  it('take senders of the operator, who can be named in other settings', () => {
    const file = 'senders:\n  - id: partner\n    spf: [partner.example]\n';
    const env = { SCREENPASS_SENDERS_FILE: '/etc/senders.yaml', SCREENPASS_SENDERS: 'partner' };
    const config = read(env, (path) => (path === '/etc/senders.yaml' ? file : ''));
    expect(config.senders.map(({ id }) => id)).toEqual(['partner']);
    expect(config.catalogue.map(({ id }) => id)).toEqual(['amazon-ses', 'google', 'godaddy', 'partner']);
  });

  it.each(CATALOGUE.map(({ id }) => id))('take a senders file that turns off %s', (id) => {
    const file = `senders:\n  - id: ${id}\n    enabled: false\n`;
    const config = read({ SCREENPASS_SENDERS_FILE: '/etc/senders.yaml' }, () => file);
    expect(config.catalogue).toEqual(CATALOGUE.filter((sender) => sender.id !== id));
  });

  it('are read once each, and so is each file', () => {
    const senders = 'senders:\n  - id: google\n    enabled: false\n';
    const files = Object.fromEntries(
      Object.entries(SETTINGS).map(([name, { default: value }]) => [`/run/${name}`, value ?? '']),
    );
    const opened: string[] = [];
    const given = { ...files, '/run/SCREENPASS_SENDERS_FILE': '/etc/senders.yaml' };
    const content: Record<string, string> = { ...given, '/etc/senders.yaml': senders };
    read(
      Object.fromEntries(Object.keys(SETTINGS).map((name) => [`${name}__FILE`, `/run/${name}`])),
      (path) => {
        opened.push(path);
        return content[path] ?? '';
      },
    );
    expect(opened.sort()).toEqual(Object.keys(content).sort());
  });
});

describe('wrong settings', () => {
  it('are told all at once, each with its name and what was expected', () => {
    const told = problems({
      SCREENPASS_MOED: 'observe',
      SCREENPASS_MODE: 'dry',
      SCREENPASS_TTL: '30 days',
      SCREENPASS_NEVER: '0.0.0.0/0, nonsense',
      SCREENPASS_SENDERS: 'amazon',
      SCREENPASS_TABLE: 'table.cidr',
      DOCKER_HOST: 'ssh://root@host',
    });
    expect(told).toHaveLength(7);
    expect(told[0]).toMatch(/^SCREENPASS_MOED: there is no such setting/);
    expect(told.join('\n')).toContain('SCREENPASS_MODE: "dry": expected enforce or observe');
    expect(told.join('\n')).toContain(
      'SCREENPASS_TTL: "30 days" is not a duration: expected 30s, 15m, 24h or 30d',
    );
    expect(told.join('\n')).toContain('every address there is; "nonsense" is not a network');
  });

  it.each([
    ['SCREENPASS_THRESHOLD', '0'],
    ['SCREENPASS_THRESHOLD', '1.5'],
    ['SCREENPASS_THRESHOLD', '12x'],
    ['SCREENPASS_WINDOW', '1w'],
    ['SCREENPASS_LOOKBACK', '999999d'],
    ['SCREENPASS_TTL', '0s'],
    ['SCREENPASS_TTL', '4000d'],
    ['SCREENPASS_RELOAD_INTERVAL', '15'],
    ['SCREENPASS_SCOPE', 'all'],
    ['SCREENPASS_SENDERS', '-amazon-ses,-google'],
    ['SCREENPASS_PRESEED', 'no-sender'],
    ['SCREENPASS_VETO_DNSBL', 'zen'],
    ['SCREENPASS_ALERTS', 'stopping'],
    ['SCREENPASS_REFRESH', 'daily'],
    ['SCREENPASS_REFRESH', '61 * * * *'],
    ['SCREENPASS_REFRESH', '0 0 31 2 *'],
    ['SCREENPASS_DNS', 'resolver.example'],
    ['SCREENPASS_SENDERS_FILE', '/missing.yaml'],
    ['SCREENPASS_HTTP', '9469'],
    ['SCREENPASS_HTTP', ':9469'],
    ['SCREENPASS_HTTP', 'localhost'],
    ['SCREENPASS_HTTP', '127.0.0.1:0'],
    ['SCREENPASS_HTTP', '127.0.0.1:65536'],
    ['SCREENPASS_HTTP', '127.0.0.256:9469'],
    ['SCREENPASS_HTTP', '::1:9469'],
    ['SCREENPASS_HTTP', '[127.0.0.1]:9469'],
    ['SCREENPASS_HTTP', 'http://localhost:9469'],
    ['SCREENPASS_LOG_LEVEL', 'loud'],
    ['SCREENPASS_STATE_DIR', './state'],
    ['DOCKER_HOST', 'tcp://docker'],
    ['SCREENPASS_MODE__FILE', '/missing'],
  ])('%s=%s is one', (name, value) => {
    expect(problems({ [name]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${name.replace('__FILE', '')}`)),
    ]);
  });

  it('are told of the senders file with all else, but not of ids that it may have', () => {
    const env = { SCREENPASS_SENDERS_FILE: '/s.yaml', SCREENPASS_SENDERS: 'partner', SCREENPASS_MODE: 'dry' };
    const told = problems(env, () => 'senders:\n  - id: A\n  - id: b\n    colour: red\n');
    expect(told.join('\n')).toMatch(/^SCREENPASS_SENDERS_FILE: \/s.yaml:2: /m);
    expect(told.join('\n')).toMatch(/^SCREENPASS_SENDERS_FILE: \/s.yaml:4: /m);
    expect(told.join('\n')).toMatch(/^SCREENPASS_MODE: /m);
    expect(told.join('\n')).not.toMatch(/^SCREENPASS_SENDERS: /m);
  });

  it('show nothing of a file that a setting is taken from', () => {
    for (const name of Object.keys(SETTINGS)) {
      const told = problems(
        { [`${name}__FILE`]: '/run/secrets/x' },
        () => '"hunter2" \n: [expected] hunter2',
      );
      // Any text is right for a name of a container; files that are not there are told with their path.
      if (name === 'SCREENPASS_CONTAINER') continue;
      expect(told).toEqual([
        expect.stringMatching(`^${name}: .*${name}__FILE has a wrong value.*expected: .`),
      ]);
      expect(told.join()).not.toContain('hunter2');
    }
  });

  it('include a setting given twice', () => {
    const env = { SCREENPASS_MODE: 'observe', SCREENPASS_MODE__FILE: '/f' };
    expect(problems(env, () => 'observe')).toEqual([expect.stringContaining('not both')]);
  });
});
