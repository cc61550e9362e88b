/** What a client says and how postscreen is set up against it. */
export interface Client {
  readonly helo: string;
  readonly from: string;
  readonly to: string;
  /** DNS blocklists that list the client. */
  readonly listed?: readonly string[];
  /** It speaks before the greeting is over. */
  readonly pregreet?: boolean;
  /** What postscreen does with a client that fails a test; docker-mailserver's default is enforce. */
  readonly action?: 'enforce' | 'drop' | 'ignore';
  /** It hangs up in the greet wait, or says QUIT instead of RCPT. */
  readonly quitBefore?: 'greeting' | 'rcpt';
}

export type Outcome = 'allowlisted' | 'passed' | 'ignored' | 'rejected' | 'dropped' | 'gone';

/** Around one session: who it is, what is known of the client, where the lines go. */
export interface SessionWorld {
  readonly ip: string;
  /** `[ip]:port` */
  readonly at: string;
  readonly verdict: 'permit' | 'reject' | undefined;
  /** It passed before, and postscreen remembers. */
  readonly known: boolean;
  readonly postscreen: (message: string) => void;
  readonly log: (program: string, pid: number, message: string) => void;
  readonly greetWait: () => Promise<void>;
  readonly queueId: () => string;
}

/** Plays the session after its CONNECT line and logs what Postfix logs. */
export async function playSession(client: Client, world: SessionWorld): Promise<Outcome> {
  const { at, postscreen } = world;
  if (world.verdict === 'permit') {
    postscreen(`ALLOWLISTED ${at}`);
    return deliver(client, world, 'allowlisted');
  }
  // docker-mailserver leaves postscreen_denylist_action at ignore: the line is all that comes of it.
  if (world.verdict === 'reject') postscreen(`DENYLISTED ${at}`);
  if (world.known) {
    postscreen(`PASS OLD ${at}`);
    return deliver(client, world, 'passed');
  }
  return screen(client, world);
}

async function screen(client: Client, world: SessionWorld): Promise<Outcome> {
  const { ip, at, postscreen } = world;
  const { listed = [], pregreet = false, action = 'enforce' } = client;
  if (pregreet) {
    const said = `EHLO ${client.helo}`;
    postscreen(`PREGREET ${said.length + 2} after 0 from ${at}: ${`${said}\\r\\n`.slice(0, 100)}`);
    if (action === 'drop') return leave('dropped', world);
  }
  for (const zone of listed) world.log('dnsblog', 913, `addr ${ip} listed by domain ${zone} as 127.0.0.2`);
  if (client.quitBefore === 'greeting') {
    postscreen(`HANGUP after 2.3 from ${at} in tests before SMTP handshake`);
    return leave('gone', world);
  }
  await world.greetWait();
  if (listed.length > 0) {
    postscreen(`DNSBL rank ${3 * listed.length} for ${at}`);
    if (action === 'drop') return leave('dropped', world);
  }
  const failed = pregreet || listed.length > 0;
  if (failed && action === 'enforce') return refuse(client, world);
  // A client that failed a test is let through by ignore, but it has not passed.
  if (!failed) postscreen(`PASS NEW ${at}`);
  return deliver(client, world, failed ? 'ignored' : 'passed');
}

function refuse(client: Client, world: SessionWorld): Outcome {
  if (client.quitBefore === 'rcpt') return leave('gone', world);
  const { helo, from, to, listed = [] } = client;
  // The last test that failed gives the text.
  const reason =
    listed.length > 0
      ? `5.7.1 Service unavailable; client [${world.ip}] blocked using ${listed[0]}`
      : '5.5.1 Protocol error';
  const claims = `from=<${from}>, to=<${to}>, proto=ESMTP, helo=<${helo}>`;
  world.postscreen(`NOQUEUE: reject: RCPT from ${world.at}: 550 ${reason}; ${claims}`);
  return leave('rejected', world);
}

/** postscreen ends the session itself. */
function leave(outcome: Outcome, { at, postscreen }: SessionWorld): Outcome {
  postscreen(`DISCONNECT ${at}`);
  return outcome;
}

/** postscreen hands the client to smtpd and says no more of it; no PTR record, as docker-mailserver accepts it. */
function deliver({ from, to, quitBefore }: Client, world: SessionWorld, outcome: Outcome): Outcome {
  const peer = `unknown[${world.ip}]`;
  world.log('smtpd', 1038, `connect from ${peer}`);
  if (quitBefore === 'rcpt') {
    world.log('smtpd', 1038, `disconnect from ${peer} ehlo=1 mail=1 quit=1 commands=3`);
    return outcome;
  }
  const id = world.queueId();
  world.log('smtpd', 1038, `${id}: client=${peer}`);
  world.log('cleanup', 1041, `${id}: message-id=<${id.toLowerCase()}@${from.split('@')[1] ?? 'localhost'}>`);
  world.log('qmgr', 907, `${id}: from=<${from}>, size=4711, nrcpt=1 (queue active)`);
  world.log('smtpd', 1038, `disconnect from ${peer} ehlo=1 mail=1 rcpt=1 data=1 quit=1 commands=5`);
  world.log(
    'lmtp',
    1044,
    `${id}: to=<${to}>, relay=mail.example.test[/var/run/dovecot/lmtp], dsn=2.0.0, status=sent`,
  );
  world.log('qmgr', 907, `${id}: removed`);
  return outcome;
}
