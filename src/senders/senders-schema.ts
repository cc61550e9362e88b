// What the operator's senders file may hold, whatever the notation.
import { domainToASCII } from 'node:url';
import * as z from 'zod';
import { ok, problem } from '../core/base/result.ts';
import { readName } from '../core/dns/dns-name.ts';
import { excess } from '../core/net/limits.ts';
import { CATEGORIES, type SenderDefinition } from '../core/senders/sender.ts';
import { PublishedNetwork, readBy, SenderId } from './catalogue-schema.ts';

/** What the operator's senders file can say, whatever the notation. */

const DOMAIN_EXPECTED =
  'expected two or more labels of letters, digits, "-" and "_", such as mail.example.com';

/** Words of SCREENPASS_SENDERS, and a name that every object has: the state is kept in objects by id. */
const NOT_IDS: readonly string[] = ['all', 'default', 'constructor'];

/** What a sender is known by: one of them at least. */
const EVIDENCE = ['spf', 'rdns', 'networks'] as const;

const DomainName = readBy((text) => {
  const [lead] = /^(?:\*?\.)+/.exec(text) ?? [];
  if (lead !== undefined) return problem(`"${text}": leave "${lead}" away; ${DOMAIN_EXPECTED}`);
  if (/\P{ASCII}/u.test(text)) {
    const ascii = domainToASCII(text);
    return problem(`"${text}": expected the name in its ASCII form${ascii === '' ? '' : `, ${ascii}`}`);
  }
  const read = readName(text);
  const name = read.kind === 'name' ? read.name : '';
  // Numbers alone are no top level domain, but what is left of an address.
  const whole =
    /^([a-z0-9_-]+\.)+[a-z0-9_-]+$/.test(name) && !/^\d+$/.test(name.slice(name.lastIndexOf('.') + 1));
  return whole ? ok(name) : problem(`"${text}" is not a domain name: ${DOMAIN_EXPECTED}`);
});

/** An item of the senders file: what it says of a sender, and nothing else. */
const SenderEdit = z.strictObject({
  id: SenderId,
  name: z
    .string()
    .trim()
    .regex(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]{1,100}$/u, 'a name is one line of 1 to 100 characters')
    .optional(),
  category: z.enum(CATEGORIES).optional(),
  spf: z.array(DomainName).optional(),
  rdns: z.array(DomainName).optional(),
  networks: z.array(PublishedNetwork).optional(),
  enabled: z.boolean().optional(),
});

const SendersFile = z.strictObject({ senders: z.array(SenderEdit) });

export type SenderEdit = z.infer<typeof SenderEdit>;

/** What is wrong, and where in the data. */
export interface Complaint {
  readonly path: readonly PropertyKey[];
  /** What was given and what was expected. */
  readonly problem: string;
}

/** The items of the senders file, or everything that is wrong with them. */
export function readSenderEdits(
  data: unknown,
  catalogue: readonly SenderDefinition[],
):
  | { readonly ok: true; readonly edits: readonly SenderEdit[] }
  | { readonly ok: false; readonly complaints: readonly Complaint[] } {
  const parsed = SendersFile.safeParse(data, { reportInput: true });
  const broken = [...brokenRules(data, catalogue), ...(parsed.success ? excessive(parsed.data.senders) : [])];
  if (parsed.success && broken.length === 0) return { ok: true, edits: parsed.data.senders };
  const malformed = parsed.success ? [] : parsed.error.issues.flatMap(complaintsOf);
  return { ok: false, complaints: [...malformed, ...broken] };
}

/** What is given for one sender can be more than any may have, network by network. */
function excessive(edits: readonly SenderEdit[]): readonly Complaint[] {
  return edits.flatMap(({ networks = [] }, i) => {
    const problem = excess(networks);
    return problem === null ? [] : [{ path: ['senders', i, 'networks'], problem }];
  });
}

function complaintsOf(issue: z.core.$ZodIssue): readonly Complaint[] {
  const { path, input } = issue;
  switch (issue.code) {
    case 'custom':
      return [{ path, problem: issue.message }];
    case 'unrecognized_keys': {
      const known = Object.keys((path.length === 0 ? SendersFile : SenderEdit).shape).join(', ');
      return issue.keys.map((key) => ({
        path: [...path, key],
        problem: `no such field; expected ${known}`,
      }));
    }
    case 'invalid_type':
      return [{ path, problem: `${show(input)}: expected ${expectedType(issue.expected, path, input)}` }];
    case 'invalid_value':
      return [{ path, problem: `${show(input)}: expected ${issue.values.join(', ')}` }];
    default:
      return [{ path, problem: `${show(input)}: ${issue.message}` }];
  }
}

function expectedType(expected: string, path: readonly PropertyKey[], input: unknown): string {
  if (path.length === 0) return 'a map with one field, the list senders';
  if (expected === 'object') return `a map of ${Object.keys(SenderEdit.shape).join(', ')}`;
  if (expected === 'array') return 'a list';
  if (expected === 'boolean') return 'true or false';
  return ['number', 'boolean'].includes(typeof input) ? 'text, so put it in quotes' : 'text';
}

function show(input: unknown): string {
  if (input === undefined) return 'missing';
  if (input === null) return 'nothing';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a map';
  return typeof input === 'string' ? JSON.stringify(input) : String(input);
}

/** What no field alone shows. Goes by what is given, right or wrong, so that all problems come at once. */
function brokenRules(data: unknown, catalogue: readonly SenderDefinition[]): readonly Complaint[] {
  const known = new Map(catalogue.map((sender) => [sender.id, sender]));
  const first = new Map<string, number>();
  return itemsOf(data).flatMap((item, i) => {
    const { id } = item;
    if (typeof id !== 'string') return [];
    const twin = first.get(id);
    if (twin === undefined) first.set(id, i);
    const broken = brokenRule(item, id, known.get(id));
    const twice = `"${id}": senders[${twin}] has this id; expected each id once`;
    return [
      ...(twin === undefined ? [] : [{ path: ['senders', i, 'id'], problem: twice }]),
      ...(broken === null ? [] : [{ path: ['senders', i, ...broken.path], problem: broken.problem }]),
    ];
  });
}

type Item = { readonly [Field in keyof SenderEdit]?: unknown };

function itemsOf(data: unknown): readonly Item[] {
  const { senders } = Object(data) as { readonly senders?: unknown };
  return Array.isArray(senders) ? senders.map((item) => Object(item) as Item) : [];
}

/** `sender`: of the catalogue; undefined for a new one. */
function brokenRule(item: Item, id: string, sender: SenderDefinition | undefined): Complaint | null {
  if (item.enabled === false) {
    const beside = Object.keys(item).filter((field) => field !== 'id' && field !== 'enabled');
    const unknown = `false, but "${id}" is not in the catalogue; expected an id of it, or no such item`;
    const more = `false, with ${beside.join(', ')} beside it; expected only the id`;
    if (sender === undefined) return { path: ['enabled'], problem: unknown };
    return beside.length > 0 ? { path: ['enabled'], problem: more } : null;
  }
  if (NOT_IDS.includes(id))
    return { path: ['id'], problem: `"${id}" has a meaning of its own; expected another id` };
  const evidence = EVIDENCE.map((field) => item[field] ?? sender?.[field] ?? []);
  if (evidence.some((list) => !Array.isArray(list) || list.length > 0)) return null;
  const nothing = sender === undefined ? 'is not in the catalogue and has' : 'is left with';
  const expected = `expected at least one of ${EVIDENCE.join(', ')}`;
  return { path: [], problem: `"${id}" ${nothing} nothing to know it by; ${expected}` };
}
