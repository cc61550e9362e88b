import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNetwork, network } from '../../src/core/net/network.ts';
import type { SenderDefinition } from '../../src/core/senders/sender.ts';
import { PublishedNetwork, SenderId } from '../../src/senders/catalogue-schema.ts';
import { readSendersFile } from '../../src/senders/senders-file.ts';
import { definition } from '../double/definition.ts';

const SENDGRID = definition({
  id: 'sendgrid',
  name: 'SendGrid',
  confidence: 'high',
  spf: ['sendgrid.net'],
  rdns: ['sendgrid.net'],
  networks: ['167.89.0.0/17'],
});
const GODADDY = definition({ id: 'godaddy', default: false, networks: ['72.167.0.0/16'] });
const CATALOGUE: readonly SenderDefinition[] = [SENDGRID, GODADDY];

function senders(text: string): readonly SenderDefinition[] {
  const result = readSendersFile(text, 'FILE', CATALOGUE);
  if (!result.ok) throw new Error(result.problems.join('\n'));
  return result.senders;
}

function problems(text: string): readonly string[] {
  const result = readSendersFile(text, 'FILE', CATALOGUE);
  return result.ok ? [] : result.problems;
}

/** The problems of one sender that is given as a flow map, without the place of the sender. */
function problemsOf(item: string): readonly string[] {
  return problems(`senders: [${item}]`).map((one) => one.replace(/^FILE:1: senders\[0\]\.?/, ''));
}

describe('a new sender', () => {
  it('stands behind the catalogue, is watched by default, and its networks hold beside its records', () => {
    const file = `
senders:
  - id: partner
    name: Partner GmbH
    category: saas
    spf: [Partner.Example]
    rdns: [mail.partner.example]
    networks: [54.240.27.75/18, "2a00:1450::/32"]
`;
    expect(senders(file)).toEqual([
      ...CATALOGUE,
      {
        id: 'partner',
        name: 'Partner GmbH',
        category: 'saas',
        default: true,
        confidence: 'low',
        source: 'your senders file',
        seen: 'undated',
        spf: ['partner.example'],
        rdns: ['mail.partner.example'],
        unlistable: false,
        incomplete: true,
        networks: [network('54.240.0.0/18'), network('2a00:1450::/32')],
        pinned: true,
      },
    ]);
  });

  it('cannot have more addresses than any sender may, network by network', () => {
    const wide = ['54.0.0.0/13', '54.16.0.0/13', '54.32.0.0/24'].map((one) => `"${one}"`);
    expect(problems(`senders: [{id: a, networks: [${wide.slice(0, 2)}]}]`)).toEqual([]);
    expect(problems(`senders: [{id: a, networks: [${wide}]}]`)).toEqual([
      expect.stringContaining(
        'senders[0].networks: 1048832 IPv4 addresses, and no sender may have more than',
      ),
    ]);
  });

  it('can have networks as wide as is ever allowed', () =>
    expect(senders('senders: [{id: a, networks: [54.0.0.0/13, "2a00::/28"]}]').at(-1)?.networks).toEqual([
      network('54.0.0.0/13'),
      network('2a00::/28'),
    ]));

  it('needs no more than an id and one thing to know it by', () => {
    expect(senders('senders: [{id: partner, rdns: [partner.example]}]').at(-1)).toMatchObject({
      name: 'partner',
      category: 'custom',
      default: true,
      spf: [],
      networks: [],
      pinned: false,
    });
  });

  it.each([
    ['true', '"true"'],
    ['12', '"12"'],
    ['no', 'no'],
  ])('can be called %s', (id, written) =>
    expect(senders(`senders: [{id: ${written}, spf: [a.example]}]`).at(-1)?.id).toBe(id));

  it('is called no, not false, also in a file that calls itself YAML 1.1', () =>
    expect(senders('%YAML 1.1\n---\nsenders: [{id: no, spf: [a.example]}]').at(-1)?.id).toBe('no'));
});

describe('a sender of the catalogue', () => {
  const edited = (fields: string) => senders(`senders: [{id: sendgrid, ${fields}}]`)[0];

  it.each([
    ['name: Twilio', { name: 'Twilio' }],
    ['category: marketing', { category: 'marketing' }],
    ['rdns: []', { rdns: [] }],
    ['enabled: true', {}],
  ])('has %s replaced and nothing else', (fields, changed) =>
    expect(edited(fields)).toEqual({ ...SENDGRID, ...changed }));

  it('is known by the names that the operator gives it, whatever its lists hold', () =>
    expect(edited('rdns: [sg.example]')).toEqual({ ...SENDGRID, rdns: ['sg.example'], incomplete: true }));

  it('keeps its networks when its domains are replaced, but they measure the new records no more', () =>
    expect(edited('spf: [sendgrid.net, ab.sendgrid.net]')).toEqual({
      ...SENDGRID,
      spf: ['sendgrid.net', 'ab.sendgrid.net'],
      confidence: 'low',
    }));

  it('has its networks replaced by those of the file, which hold whatever the records say', () =>
    expect(edited('networks: [54.240.0.0/18]')).toEqual({
      ...SENDGRID,
      networks: [network('54.240.0.0/18')],
      pinned: true,
      confidence: 'low',
      source: 'your senders file',
      seen: 'undated',
    }));

  it.each([
    'networks: [54.240.0.0/24], spf: [b.example]',
    'networks: []',
  ])('is not measured by the networks of the file: %s', (fields) =>
    expect(edited(fields)).toMatchObject({ confidence: 'low', pinned: true }));

  it('is in no set when it is switched off', () =>
    expect(senders('senders: [{id: sendgrid, enabled: false}]')).toEqual([GODADDY]));

  it('is in the default set when it is switched on', () =>
    expect(senders('senders: [{id: godaddy, enabled: true}]')).toEqual([
      SENDGRID,
      { ...GODADDY, default: true },
    ]));

  it('keeps its place in the catalogue, whatever the order of the file', () => {
    const file = 'senders: [{id: new, spf: [a.example]}, {id: godaddy, name: B}, {id: sendgrid, name: A}]';
    expect(senders(file).map(({ id }) => id)).toEqual(['sendgrid', 'godaddy', 'new']);
  });

  it('is as it was when the file lists nobody', () => expect(senders('senders: []')).toEqual(CATALOGUE));
});

const FIELDS = 'id, name, category, spf, rdns, networks, enabled';
const DOMAIN = 'expected two or more labels of letters, digits, "-" and "_", such as mail.example.com';
const EVIDENCE = 'nothing to know it by; expected at least one of spf, rdns, networks';
const ID = 'a sender id has 1 to 64 lower-case letters, digits and "-", and does not begin with "-"';
const NAME = 'a name is one line of 1 to 100 characters';

describe('a wrong sender', () => {
  it.each([
    ['id: a, spf: a.example', 'spf: "a.example": expected a list'],
    ['id: a, spf: {a: b}', 'spf: a map: expected a list'],
    ['id: a, spf: [[a.example]]', 'spf[0]: a list: expected text'],
    ['id: a, spf: [[[[[x]]]]]', 'spf[0]: a list: expected text'],
    ['id: a, spf: [{a: b, a: b}]', 'spf[0]: a map: expected text'],
    ['id: a, spf: [a.example, 1.5]', 'spf[1]: 1.5: expected text, so put it in quotes'],
    ['id: a, spf: [a.example], name: true', 'name: true: expected text, so put it in quotes'],
    ['id: a, spf: [a.example], name: ', 'name: nothing: expected text'],
    ['id: a, spf: [a.example], name: " "', `name: "": ${NAME}`],
    ['id: a, spf: [a.example], name: "a\\nb"', `name: "a\\nb": ${NAME}`],
    ['id: a, spf: [a.example], enabled: yes', 'enabled: "yes": expected true or false'],
    ['id: a, spf: [a.example], enabled: 1', 'enabled: 1: expected true or false'],
    ['id: a, spf: [a.example], domain: x', `domain: no such field; expected ${FIELDS}`],
    ['id: a, spf: [a.example], __proto__: x', `__proto__: no such field; expected ${FIELDS}`],
    ['id: a, spf: [a.example], "a.b c": x', `["a.b c"]: no such field; expected ${FIELDS}`],
    ['id: a, spf: [a.example], <<: x', `["<<"]: no such field; expected ${FIELDS}`],
    [
      'id: a, spf: [a.example], category: mail',
      'category: "mail": expected commerce, custom, mailbox, marketing, saas, security-gateway, social, transactional',
    ],
    ['spf: [a.example]', 'id: missing: expected text'],
    ['id: 5, spf: [a.example]', 'id: 5: expected text, so put it in quotes'],
    ['id: false, spf: [a.example]', 'id: false: expected text, so put it in quotes'],
    ['id: , spf: [a.example]', 'id: nothing: expected text'],
    ['id: Partner, spf: [a.example]', `id: "Partner": ${ID}`],
    ['id: -a, spf: [a.example]', `id: "-a": ${ID}`],
    ['id: "../a", spf: [a.example]', `id: "../a": ${ID}`],
    ['id: all, spf: [a.example]', 'id: "all" has a meaning of its own; expected another id'],
    ['id: default, spf: [a.example]', 'id: "default" has a meaning of its own; expected another id'],
    ['id: constructor, spf: [a.example]', 'id: "constructor" has a meaning of its own; expected another id'],
    ['id: a', `: "a" is not in the catalogue and has ${EVIDENCE}`],
    ['id: a, spf: [], rdns: [], networks: []', `: "a" is not in the catalogue and has ${EVIDENCE}`],
    ['id: sendgrid, spf: [], rdns: [], networks: []', `: "sendgrid" is left with ${EVIDENCE}`],
    [
      'id: a, enabled: false',
      'enabled: false, but "a" is not in the catalogue; expected an id of it, or no such item',
    ],
    [
      'id: godaddy, enabled: false, name: x, spf: []',
      'enabled: false, with name, spf beside it; expected only the id',
    ],
    ['id: a, spf: [a.example], spf: [b.example]', 'spf: given twice, first in line 1; expected once'],
  ])('{%s} has the problem %j', (item, problem) => expect(problemsOf(`{${item}}`)).toEqual([problem]));

  it.each([
    ['partner', `"partner" is not a domain name: ${DOMAIN}`],
    ['""', `"" is not a domain name: ${DOMAIN}`],
    ['192.0.2.1', `"192.0.2.1" is not a domain name: ${DOMAIN}`],
    ['a..example', `"a..example" is not a domain name: ${DOMAIN}`],
    ['" a.example"', `" a.example" is not a domain name: ${DOMAIN}`],
    ['"a.example\\n"', `"a.example\\u{a}" is not a domain name: ${DOMAIN}`],
    ['https://a.example', `"https://a.example" is not a domain name: ${DOMAIN}`],
    ['"%{i}.a.example"', `"%{i}.a.example" is not a domain name: ${DOMAIN}`],
    [`${'a'.repeat(64)}.example`, `"${'a'.repeat(64)}.example" is not a domain name: ${DOMAIN}`],
    ['.a.example', `".a.example": leave "." away; ${DOMAIN}`],
    ['"*.a.example"', `"*.a.example": leave "*." away; ${DOMAIN}`],
    ['bücher.example', '"bücher.example": expected the name in its ASCII form, xn--bcher-kva.example'],
    ['a\u00ad.example', '"a\\u{ad}.example": expected the name in its ASCII form, a.example'],
    ['\ufffd.example', '"\ufffd.example": expected the name in its ASCII form'],
  ])('cannot have the domain %s', (domain, problem) => {
    expect(problemsOf(`{id: a, spf: [ok.example, ${domain}]}`)).toEqual([`spf[1]: ${problem}`]);
    expect(problemsOf(`{id: a, rdns: [${domain}]}`)).toEqual([`rdns[0]: ${problem}`]);
  });

  it.each([
    'a.example',
    'A_1-b.Example',
    'xn--bcher-kva.example',
    '_spf.a.example.',
    '1.2.3.a4',
  ])('is not one for the domain %s', (domain) =>
    expect(senders(`senders: [{id: a, spf: [${domain}]}]`).at(-1)?.spf).toEqual([
      domain.toLowerCase().replace(/\.$/, ''),
    ]));

  it.each([
    ['10.0.0.0/8', '"10.0.0.0/8" is private or reserved address space, which is never allowed'],
    ['198.18.7.0/24', '"198.18.7.0/24" is private or reserved address space, which is never allowed'],
    ['"fd00::/48"', '"fd00::/48" is private or reserved address space, which is never allowed'],
    ['54.0.0.0/12', '"54.0.0.0/12" is too wide (nothing wider than /13 is ever allowed)'],
    ['"2a00::/16"', '"2a00::/16" is too wide (nothing wider than /28 is ever allowed)'],
    ['0.0.0.0/0', '"0.0.0.0/0" is every address there is'],
    ['54.1.2.3/33', '"54.1.2.3/33": the length is at most 32'],
    ['a.example', '"a.example" is not a network: expected 192.0.2.1, 192.0.2.0/24 or 2001:db8::/32'],
    ['5', '5: expected text, so put it in quotes'],
  ])('cannot have the network %s', (given, problem) =>
    expect(problemsOf(`{id: a, networks: [54.1.2.3, ${given}]}`)).toEqual([`networks[1]: ${problem}`]));
});

describe('the problems of a file', () => {
  it('come all at once, in the order of lines, each with its place', () => {
    const file = `# our partners
senders:
  - id: partner
    spf:
      - partner.example
      - .partner.example
    networks:
      - 10.0.0.0/8
      -
      - 54.240.0.0/18

  - name: 5
    web: https://partner.example
  - id: partner
    enabled: false
  - id: godaddy
    enabled: false
    rdns: []
    rdns: [x]
  - Partner
extra: 1
`;
    expect(problems(file)).toEqual([
      `FILE:6: senders[0].spf[1]: ".partner.example": leave "." away; ${DOMAIN}`,
      'FILE:8: senders[0].networks[0]: "10.0.0.0/8" is private or reserved address space, which is never allowed',
      'FILE:9: senders[0].networks[1]: nothing: expected text',
      'FILE:12: senders[1].id: missing: expected text',
      'FILE:12: senders[1].name: 5: expected text, so put it in quotes',
      `FILE:13: senders[1].web: no such field; expected ${FIELDS}`,
      'FILE:14: senders[2].id: "partner": senders[0] has this id; expected each id once',
      'FILE:15: senders[2].enabled: false, but "partner" is not in the catalogue; expected an id of it, or no such item',
      'FILE:17: senders[3].enabled: false, with rdns beside it; expected only the id',
      'FILE:19: senders[3].rdns: given twice, first in line 18; expected once',
      `FILE:20: senders[4]: "Partner": expected a map of ${FIELDS}`,
      'FILE:21: extra: no such field; expected senders',
    ]);
  });

  it('have the right lines with the line ends of Windows, too', () =>
    expect(problems('senders:\r\n  - id: a\r\n    spf: 5\r\n')).toEqual([
      'FILE:3: senders[0].spf: 5: expected a list',
    ]));

  it('have the line of the name of a field, wherever its value begins', () =>
    expect(problems('senders:\n- id: a\n  spf:\n\n    b: c\n')).toEqual([
      'FILE:3: senders[0].spf: a map: expected a list',
    ]));

  it('are said of the first hundred, and how many more there are', () => {
    const shown = problems(`senders: [${'5, '.repeat(150)}]`);
    expect(shown).toHaveLength(101);
    expect(shown.at(-1)).toBe('FILE: and 50 more problems');
  });

  it('are short and without what a terminal obeys, however long and odd the text is', () => {
    const [problem = '', ...others] = problems(
      `senders: [{id: "\\e[2J${'a'.repeat(9000)}", spf: [a.example]}]`,
    );
    expect(others).toEqual([]);
    expect(problem).toMatch(/^FILE:1: senders\[0\]\.id: "\\u001b\[2Ja+ \.\.\. .*does not begin with "-"$/);
    expect(problem.length).toBeLessThan(500);
  });
});

describe('a text that is no list of senders', () => {
  it.each([
    ['', 'FILE:1: nothing: expected a map with one field, the list senders'],
    ['# nobody\n\n', 'FILE:1: nothing: expected a map with one field, the list senders'],
    ['---\n...\n', 'FILE:1: nothing: expected a map with one field, the list senders'],
    ['{}', 'FILE:1: senders: missing: expected a list'],
    ['senders:', 'FILE:1: senders: nothing: expected a list'],
    ['\nsenders: {}', 'FILE:2: senders: a map: expected a list'],
    ['\n- id: a', 'FILE:2: a list: expected a map with one field, the list senders'],
    ['partner.example', 'FILE:1: "partner.example": expected a map with one field, the list senders'],
    [
      '\u001f\u008b\u0008\0',
      'FILE:1: "\\u001f\\u{8b}\\b\\u0000": expected a map with one field, the list senders',
    ],
    ['senders:\n  - id: "a\n', 'FILE:3: not YAML: Missing closing "quote'],
    ['senders:\n\t- id: a', 'FILE:2: not YAML: Tabs are not allowed as indentation'],
    ['senders:\n  - id: a\n   spf: []', 'FILE:3: not YAML: Sequence item without - indicator'],
    ['a: b: c', 'FILE:1: not YAML: Nested mappings are not allowed in compact mappings'],
    ['senders: []\n---\nsenders: []\n---\n', 'FILE:2: a second document begins; expected one'],
    ['senders: []\n? [a]\n: b', 'FILE:2: not the name of a field; expected text before the colon'],
    ['senders: !custom []', 'FILE:1: Unresolved tag: !custom; expected no tag'],
    ['senders:\n - !!binary aGk=', 'FILE:2: Unresolved tag: tag:yaml.org,2002:binary; expected no tag'],
    ['senders: !!js/function x', 'FILE:1: Unresolved tag: tag:yaml.org,2002:js/function; expected no tag'],
    ['%YAML 1.3\n---\nsenders: []', 'FILE:1: not YAML: Unsupported YAML version 1.3'],
    ['senders:\n- *a', 'FILE:2: "*a": there are no aliases here; expected the text itself'],
    ['senders: &a [*a]', 'FILE:1: "*a": there are no aliases here; expected the text itself'],
  ])('%j is told: %s', (text, problem) => expect(problems(text)).toEqual([problem]));

  it('is told all its errors of form, too', () =>
    expect(problems('senders:\n- *a\n- !x b\n- "\\x"\n').map((one) => one.slice(0, 7))).toEqual([
      'FILE:2:',
      'FILE:3:',
      'FILE:4:',
    ]));
});

describe('a hostile text', () => {
  const MIB = 1_048_576;
  const filled = (part: string, characters: number) => part.repeat(Math.ceil(characters / part.length));
  /** The problems, had within 10 seconds of this process: what else the machine does is not our time. */
  function soon(text: string): readonly string[] {
    const before = process.cpuUsage();
    const told = problems(text);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(10);
    return told;
  }

  it('of over 1 MiB is refused, in bytes', () => {
    expect(problems(`senders: [] #${'a'.repeat(MIB - 13)}`)).toEqual([]);
    expect(problems(`senders: [] #${'a'.repeat(MIB - 12)}`)).toEqual([
      'FILE:1: 1048577 bytes; expected at most 1048576',
    ]);
    expect(problems(`senders: [] #${'é'.repeat(MIB / 2)}`)).toHaveLength(1);
  });

  it.each([
    '[]',
    ']',
    '[,',
    '%\n',
    '"',
    '&a ',
    '*a ',
    '!a ',
    '? ',
    ': ',
    ' a:\n- b\n',
    '"\\x\\x"\n',
    '{a: ',
  ])('of 1 MiB of %j is refused before it is read', (part) =>
    expect(problems(filled(part, MIB - part.length))).toEqual([
      'FILE:1: more than 50000 words and signs; expected fewer: some 8000 networks',
    ]));

  it('of one quoted text with 500,000 wrong escapes is refused before it is read', () =>
    expect(problems(`"${filled('\\x', MIB - 4)}"`)).toEqual([expect.stringContaining('more than 50000')]));

  it.each([
    ['[', 45_000],
    ['"', 45_000],
    [']', 45_000],
    ['? ', 22_000],
    ['- ', 22_000],
    ['*a ', 22_000],
    ['%\n', 22_000],
    ['a: ', 11_000],
    ['[a: ', 9_000],
    ['"\\x"\n', 9_000],
  ])('of %j, %i times, is read and takes no more than seconds', (part, times) => {
    expect(soon(part.repeat(times))[0]).not.toContain('more than 50000');
  });

  it('that nests without end has one problem', () => {
    for (const text of ['['.repeat(40_000), '- '.repeat(20_000), '{a: '.repeat(8_000)])
      expect(soon(text)).toEqual(['FILE:1: nested without end; expected a list of senders']);
  });

  it('with as many different fields as fit is read in time', () => {
    const fields = Array.from({ length: 7_000 }, (_, i) => `f${i}: 1`).join('\n');
    expect(soon(fields).at(-1)).toBe('FILE: and 6901 more problems');
  });

  it('that would unfold to billions of items is refused at its first alias', () => {
    const levels = Array.from({ length: 9 }, (_, i) => `l${i + 1}: &l${i + 1} [${`*l${i}, `.repeat(9)}]`);
    const text = ['l0: &l0 lol', ...levels, 'senders: *l9'].join('\n');
    expect(soon(text)[0]).toBe('FILE:2: "*l0": there are no aliases here; expected the text itself');
  });
});

const VALID = `# partners
senders:
  - id: partner
    name: "Partner GmbH"
    category: custom
    spf: [partner.example, 'b.example']
    rdns:
      - mail.partner.example
    networks: [54.240.0.0/18, "2a00:1450::/32"]
  - {id: sendgrid, spf: [sendgrid.net], enabled: true}
  - id: godaddy
    enabled: false
`;

describe('whatever is in the file', () => {
  /** Either senders that hold to all rules, or problems that each stand in one line and name one of the file. */
  function holds(text: string): void {
    const result = readSendersFile(text, 'FILE', CATALOGUE);
    if (result.ok) {
      expect(result.senders.filter((sender) => !isSound(sender))).toEqual([]);
      expect(new Set(result.senders.map(({ id }) => id)).size).toBe(result.senders.length);
      return;
    }
    const last = text.split('\n').length;
    const odd = result.problems.filter((problem) => {
      const line = Number(/^FILE:(\d+): .+$/.exec(problem)?.[1] ?? 0);
      return (line < 1 || line > last) && !/^FILE: and \d+ more problems$/.test(problem);
    });
    expect([odd, result.problems.length > 0]).toEqual([[], true]);
  }

  function isSound({ id, spf, rdns, networks }: SenderDefinition): boolean {
    const names = [...spf, ...rdns];
    const known = names.length + networks.length > 0 && SenderId.safeParse(id).success;
    const fit = networks.every((one) => PublishedNetwork.safeParse(formatNetwork(one)).success);
    return known && fit && names.every((name) => /^[a-z0-9_-]+(\.[a-z0-9_-]+)+$/.test(name));
  }

  const SIGNS = fc.constantFrom(
    ...[
      '\n',
      '\n  ',
      '\n    ',
      '  - ',
      '- ',
      ': ',
      ':',
      ', ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '#',
      '&a',
      '*a',
      '!x ',
    ],
    ...[
      '!!str ',
      '|',
      '>',
      '? ',
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '\\',
      '\t',
      '\r\n',
      '\0',
      '\ufeff',
      '\ud800',
    ],
    ...[
      'senders:',
      'id: ',
      'name: ',
      'spf: ',
      'rdns: ',
      'networks: ',
      'enabled: ',
      'category: ',
      'false',
      'true',
    ],
    ...[
      'partner',
      'sendgrid',
      'a.example',
      '54.1.2.0/24',
      '10.0.0.0/8',
      '5',
      '~',
      '<<: ',
      '__proto__: ',
      'é',
    ],
  );
  const made = fc.array(SIGNS, { maxLength: 60 }).map((signs) => signs.join(''));
  const change = fc.record({ at: fc.nat(VALID.length), cut: fc.nat(12), put: fc.oneof(SIGNS, fc.string()) });
  const mutated = fc
    .array(change, { minLength: 1, maxLength: 6 })
    .map((changes) =>
      changes.reduce((text, { at, cut, put }) => text.slice(0, at) + put + text.slice(at + cut), VALID),
    );

  it('any text is read or refused with reasons', () => {
    const any = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.string({ maxLength: 200 }));
    fc.assert(fc.property(any, holds), { numRuns: 500 });
  });

  it('any text of the signs of YAML is read or refused with reasons', () =>
    fc.assert(fc.property(made, holds), { numRuns: 500 }));

  it('any change of a right file leaves it right or gives it problems', () => {
    holds(VALID);
    expect(problems(VALID)).toEqual([]);
    fc.assert(fc.property(mutated, holds), { numRuns: 500 });
  });

  it('a file with one wrong line has its problem in this line', () => {
    const lines = VALID.trimEnd().split('\n');
    const inList = fc
      .integer({ min: 2, max: lines.length })
      .filter((n) => /^ {2}- (?!\{)|^$/.test(lines[n] ?? ''));
    fc.assert(
      fc.property(inList, fc.nat(5), (n, blanks) => {
        const text = lines.toSpliced(n, 0, ...Array<string>(blanks).fill(''), '  - {id: wrong}').join('\n');
        expect(problems(text)).toEqual([
          expect.stringMatching(`^FILE:${n + blanks + 1}: senders\\[\\d\\]: "wrong"`),
        ]);
      }),
    );
  });

  it.each([
    ['[', '['],
    ['{', '{'],
    ['{a: ', '{a: '],
    ['- ', '- '],
    ['? ', '? '],
    ['- [', '- ['],
    ['a list deeper in each line', null],
  ])('that is nested in itself ends nobody: %s', (_, sign) => {
    for (const times of [33, 1_000, 20_000]) {
      const deeper = () =>
        Array.from({ length: Math.min(times, 1_000) }, (_, i) => `${' '.repeat(i)}-`).join('\n');
      const read = readSendersFile(sign === null ? deeper() : sign.repeat(times), 'f.yaml', []);
      expect(read.ok).toBe(false);
    }
  });
});
