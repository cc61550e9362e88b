// The catalogue after its senders were asked, for `npm run catalogue`. It reads and writes no file.
import { WIDEST } from '../core/net/limits.ts';
import { formatNetwork } from '../core/net/network.ts';
import { aggregate } from '../core/net/network-set.ts';
import { type Knowledge, knowledgeOf, standing } from '../core/senders/knowledge.ts';
import { type Answers, type Judged, judgeAnswers, summarise } from '../core/senders/list-judgement.ts';
import type { SenderDefinition } from '../core/senders/sender.ts';

/** The catalogue after its senders were asked. */
export interface Renewal {
  /** The file's new text; the old one, byte for byte, when nothing changed. */
  readonly text: string;
  readonly judged: readonly Judged[];
}

/** What a renewal touches, of the catalogue as the file has it. */
interface Entry {
  readonly id: string;
  readonly source: string;
  readonly seen: string;
  readonly spf: readonly string[];
  readonly unlistable?: boolean;
  readonly networks: readonly string[];
}

/**
 * Takes what the senders answered at `now`, in ms since the epoch, into the catalogue: by the rules of the daemon's
 * refresh, measured by what the catalogue lists. `text` has passed readCatalogue. Senders without answers, and those
 * in trouble, stay as they are.
 */
export function renew(
  text: string,
  answers: readonly Answers[],
  now: number,
  accept: ReadonlySet<string>,
): Renewal {
  const today = new Date(now).toISOString().slice(0, 'YYYY-MM-DD'.length);
  const judged = answers.map((one) =>
    judgeAnswers(one, knowledgeFrom(one.sender), now, accept.has(one.sender.id)),
  );
  const renewed = new Map(
    answers.map(({ sender }, i) => [sender.id, factsOf(sender, judged[i]?.after, today)]),
  );
  const before = JSON.parse(text) as { readonly senders: readonly Entry[] };
  const senders = before.senders.map((entry) => {
    const facts = renewed.get(entry.id);
    return facts === undefined ? entry : withFacts(entry, facts);
  });
  const same = JSON.stringify(senders) === JSON.stringify(before.senders);
  return { text: same ? text : written({ ...before, generated: today, senders }), judged };
}

function written(catalogue: object): string {
  return `${JSON.stringify(catalogue, null, 1)}\n`;
}

/** What the catalogue lists, as if it had been learnt. Networks of a sender that no list can hold are no measure. */
function knowledgeFrom(sender: SenderDefinition): Knowledge {
  const nothing = knowledgeOf(sender, {});
  if (sender.unlistable) return nothing;
  return { ...nothing, listed: { networks: sender.networks.map(formatNetwork), at: 0, unlistable: false } };
}

interface Facts {
  readonly seen: string;
  readonly unlistable: boolean;
  readonly networks: readonly string[];
}

/** Undefined: its answers are not to be used. */
function factsOf(sender: SenderDefinition, known: Knowledge | undefined, today: string): Facts | undefined {
  if (known === undefined || known.trouble !== null || known.listed === null) return undefined;
  return {
    seen: today.slice(0, 'YYYY-MM'.length),
    unlistable: known.listed.unlistable,
    networks: aggregate(standing(sender, known.listed), WIDEST).map(formatNetwork),
  };
}

/** In the order of fields that the catalogue has. */
function withFacts(entry: Entry, { seen, unlistable, networks }: Facts): Entry {
  const { unlistable: _before, networks: _old, ...head } = entry;
  const source = `SPF of ${entry.spf.join(', ')}`;
  return { ...head, source, seen, ...(unlistable ? { unlistable } : {}), networks };
}

/** For the maintainer: the changes by sender, then who keeps what it had, and why; the last line sums up. */
export function tellRenewal(judged: readonly Judged[]): string {
  const { asked, added, removed, failed, suspicious } = summarise(judged);
  const acceptable = new Set(
    judged.flatMap(({ sender, after }) => (after.trouble?.acceptable ? sender : [])),
  );
  const changes = judged.map((one) => tellChange(one, added[one.sender] ?? [], removed[one.sender] ?? []));
  const changed = changes.filter((lines) => lines.length > 0);
  const count = (by: typeof added) => Object.values(by).flat().length;
  return [
    ...changed.flat(),
    ...failed.map(({ sender, reason }) => `${sender} did not answer and keeps its networks: ${reason}`),
    ...suspicious.map(({ sender, reason }) => {
      const remedy = acceptable.has(sender) ? `; if that is right: --accept ${sender}` : '';
      return `${sender} is not trusted and keeps its networks: ${reason}${remedy}`;
    }),
    `${asked.length} senders asked: ${changed.length} changed (+${count(added)} -${count(removed)} networks), ` +
      `${failed.length} did not answer, ${suspicious.length} not trusted`,
    '',
  ].join('\n');
}

function tellChange(
  { sender, before, after }: Judged,
  added: readonly string[],
  removed: readonly string[],
): readonly string[] {
  const lines = [...added.map((one) => `  + ${one}`), ...removed.map((one) => `  - ${one}`)];
  // knowledgeFrom gives a sender that was unlistable nothing that is listed.
  const was = before.listed === null;
  const is = after.listed?.unlistable ?? was;
  if (was !== is)
    lines.push(`  its records ${is ? 'do not list all its networks any more' : 'list all its networks now'}`);
  return lines.length === 0 ? [] : [sender, ...lines];
}
