import type { Replay } from '../../src/core/replay/log-replay.ts';

/** What becomes of a session besides what DNSBL zones say of its client. */
export interface Story {
  /** Zones that list the client, with their answers. */
  readonly listed?: Readonly<Record<string, readonly string[]>>;
  /** Logged when it reaches the threshold. */
  readonly rank?: number;
  readonly pregreet?: boolean;
  readonly protocol?: boolean;
  /** postscreen ends it without a reply (action drop, or the client says QUIT). */
  readonly silent?: boolean;
}

/** Gives lines to a replay, as from a file. */
export function feed(replay: Pick<Replay, 'take'>, lines: readonly string[]): void {
  for (const line of lines) {
    const bytes = Buffer.from(line, 'latin1');
    replay.take(bytes, 0, bytes.length);
  }
}

/** Writes a mail log by hand, as postscreen and dnsblog do. */
export function replayLog(start = '2026-11-24T02:00:00Z') {
  const lines: string[] = [];
  let now = Date.parse(start);
  let port = 40_000;

  function say(program: string, message: string): void {
    lines.push(
      `${new Date(now).toISOString().replace('Z', '000+00:00')} mail postfix/${program}[910]: ${message}`,
    );
  }

  function begin(ip: string, { listed = {}, pregreet = false }: Story): string {
    port = port === 65_535 ? 1024 : port + 1;
    const client = `[${ip}]:${port}`;
    say('postscreen', `CONNECT from ${client} to [192.0.2.25]:25`);
    if (pregreet) say('postscreen', `PREGREET 11 after 0 from ${client}: EHLO x\\r\\n`);
    for (const [zone, answers] of Object.entries(listed))
      for (const answer of answers) say('dnsblog', `addr ${ip} listed by domain ${zone} as ${answer}`);
    return client;
  }

  function end(client: string, story: Story): void {
    const { listed = {}, rank, protocol = false, silent = false } = story;
    if (rank !== undefined) say('postscreen', `DNSBL rank ${rank} for ${client}`);
    if (protocol) say('postscreen', `BARE NEWLINE from ${client} after EHLO x`);
    const ip = client.slice(1, client.indexOf(']'));
    const isListed = rank !== undefined && !protocol;
    const reason = isListed
      ? `5.7.1 Service unavailable; client [${ip}] blocked using ${Object.keys(listed)[0] ?? 'zen.spamhaus.org'}`
      : '5.5.1 Protocol error';
    if (!silent)
      say(
        'postscreen',
        `NOQUEUE: reject: RCPT from ${client}: 550 ${reason}; from=<a@b>, to=<c@d>, proto=ESMTP, helo=<x>`,
      );
    say('postscreen', `DISCONNECT ${client}`);
  }

  return {
    lines,
    say,
    wait(seconds: number): void {
      now += seconds * 1000;
    },
    refused(ip: string, story: Story): void {
      const client = begin(ip, story);
      now += 6000;
      end(client, story);
    },
    passed(ip: string, story: Story = {}, words = 'PASS NEW'): void {
      const client = begin(ip, story);
      now += 6000;
      say('postscreen', `${words} ${client}`);
    },
    /** To be ended later by `end`. */
    begin,
    end,
  };
}

/** Spamhaus lists it, as it does most. */
export const LISTED: Story = { listed: { 'zen.spamhaus.org': ['127.0.0.2'] }, rank: 3 };
