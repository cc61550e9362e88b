// check_host of RFC 7208: the result for one client. To list what a domain authorises, see spf-expand.ts.
import type { Resolver } from '../dns/resolver.ts';
import { parseExplanation, toName } from './spf-macro.ts';
import {
  type Evaluation,
  expandFor,
  matchMechanism,
  type Outcome,
  type SpfQuery,
  targetName,
} from './spf-match.ts';
import {
  type Directive,
  type Modifier,
  parseRecord,
  type Qualifier,
  type SpfRecord,
  selectRecord,
} from './spf-record.ts';

type SpfResult = 'none' | 'neutral' | 'pass' | 'fail' | 'softfail' | 'temperror' | 'permerror';

export interface SpfCheck {
  readonly result: SpfResult;
  /** What the domain says to people whose mail failed; text of a stranger's. */
  readonly explanation: string | null;
  /** The term that decided, as it is written; null when none did. */
  readonly term: string | null;
  /** Terms that asked DNS. */
  readonly lookups: number;
  /** Of temperror and permerror: what went wrong, where. */
  readonly problem: string | null;
}

/** RFC 7208 section 4.6.4. */
const MOST_LOOKUPS = 10;
const MOST_VOIDS = 2;
/** A domain with its final dot. */
const LONGEST_DOMAIN = 254;

const RESULTS: Readonly<Record<Qualifier, SpfResult>> = {
  '+': 'pass',
  '-': 'fail',
  '~': 'softfail',
  '?': 'neutral',
};

interface Verdict {
  readonly result: SpfResult;
  readonly term: string | null;
  readonly problem: string | null;
  /** `exp` of the record that decided, and the domain of that record. */
  readonly exp: { readonly modifier: Modifier; readonly domain: string } | null;
}

/**
 * check_host() of RFC 7208 section 4: may this address send mail for the domain? Never rejects: an answer
 * that could not be had is a temperror, a record that cannot be read or asks too much a permerror.
 */
export async function checkHost(query: SpfQuery, resolver: Resolver): Promise<SpfCheck> {
  const evaluation: Evaluation = { query, resolver, lookups: 0, voids: 0, validated: undefined };
  const { result, term, problem, exp } = await checkDomain(evaluation, checkedName(query.domain));
  const explanation = result === 'fail' && exp !== null ? await explain(evaluation, exp) : null;
  return { result, explanation, term, lookups: evaluation.lookups, problem };
}

/** A domain that is too long is none: only what macros made is cut (RFC 7208 sections 4.3 and 7.3). */
function checkedName(domain: string): string | null {
  return domain.length > LONGEST_DOMAIN || domain.startsWith('[') ? null : toName(domain);
}

function verdict(result: SpfResult, problem: string | null = null, term: string | null = null): Verdict {
  return { result, term, problem, exp: null };
}

async function checkDomain(evaluation: Evaluation, domain: string | null): Promise<Verdict> {
  if (domain === null) return verdict('none');
  const answer = await evaluation.resolver.txt(domain);
  if (answer.kind === 'failed') return verdict('temperror', `${domain}: no answer (${answer.reason})`);
  const selected = selectRecord(answer.kind === 'found' ? answer.records : []);
  if (!selected.ok) return verdict('permerror', `${domain}: ${selected.problem}`);
  if (selected.value === undefined) return verdict('none');
  const record = parseRecord(selected.value);
  if (!record.ok) return verdict('permerror', `${domain}: ${record.problem}`);
  return evaluate(evaluation, record.value, domain);
}

async function evaluate(evaluation: Evaluation, record: SpfRecord, domain: string): Promise<Verdict> {
  for (const directive of record.directives) {
    const found = await matchDirective(evaluation, directive, domain);
    if (typeof found !== 'string') return found;
    if (found === 'match') {
      const exp = record.exp === null ? null : { modifier: record.exp, domain };
      return { result: RESULTS[directive.qualifier], term: directive.text, problem: null, exp };
    }
    if (found === 'void') evaluation.voids += 1;
    if (evaluation.voids > MOST_VOIDS)
      return verdict('permerror', `${domain}: more than ${MOST_VOIDS} void lookups`, directive.text);
  }
  return record.redirect === null ? verdict('neutral') : redirect(evaluation, record.redirect, domain);
}

/** A verdict: an error ends the evaluation. */
async function matchDirective(
  evaluation: Evaluation,
  { mechanism, text }: Directive,
  domain: string,
): Promise<Outcome | Verdict> {
  const asks = mechanism.kind !== 'all' && mechanism.kind !== 'ip4' && mechanism.kind !== 'ip6';
  if (asks && !countLookup(evaluation)) return tooManyLookups(domain, text);
  if (mechanism.kind === 'include') {
    const included = await checkDomain(evaluation, await targetName(evaluation, mechanism.domain, domain));
    return includeOutcome(included, domain, text);
  }
  const outcome = await matchMechanism(evaluation, mechanism, domain);
  if (outcome === 'temperror') return verdict(outcome, `${domain}: no answer for a lookup`, text);
  if (outcome === 'permerror') return verdict(outcome, `${domain}: too many MX records`, text);
  return outcome;
}

/** RFC 7208 section 5.2. The term of an error is that of the inner record. */
function includeOutcome(included: Verdict, domain: string, text: string): Outcome | Verdict {
  switch (included.result) {
    case 'pass':
      return 'match';
    case 'temperror':
    case 'permerror':
      return { ...included, term: included.term ?? text };
    case 'none':
      return noRecord(domain, text);
    default:
      return 'no-match';
  }
}

/** RFC 7208 section 6.1. */
async function redirect(
  evaluation: Evaluation,
  { domain: spec, text }: Modifier,
  domain: string,
): Promise<Verdict> {
  if (!countLookup(evaluation)) return tooManyLookups(domain, text);
  const target = await checkDomain(evaluation, await targetName(evaluation, spec, domain));
  return target.result === 'none' ? noRecord(domain, text) : { ...target, term: target.term ?? text };
}

function tooManyLookups(domain: string, term: string): Verdict {
  return verdict('permerror', `${domain}: more than ${MOST_LOOKUPS} terms that ask DNS`, term);
}

function noRecord(domain: string, term: string): Verdict {
  return verdict('permerror', `${domain}: leads to a domain without an SPF record`, term);
}

function countLookup(evaluation: Evaluation): boolean {
  if (evaluation.lookups === MOST_LOOKUPS) return false;
  evaluation.lookups += 1;
  return true;
}

/** RFC 7208 section 6.2: whatever is wrong with an explanation, the result is given without one. */
async function explain(
  evaluation: Evaluation,
  { modifier, domain }: NonNullable<Verdict['exp']>,
): Promise<string | null> {
  const name = await targetName(evaluation, modifier.domain, domain);
  const answer = name === null ? null : await evaluation.resolver.txt(name);
  if (answer?.kind !== 'found' || answer.records.length !== 1) return null;
  const text = parseExplanation(answer.records[0] ?? '');
  return text.ok ? expandFor(evaluation, text.value, domain) : null;
}
