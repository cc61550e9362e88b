// The clients' end of the wire. They stand outside of the mail container, so they go on while the Engine is away.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { MailProcess } from './mail-process.ts';

/** `cut`: the connection was lost before it was clear. `away`: there was none to be had. */
export type Outcome = 'queued' | 'refused' | 'cut' | 'away';

export interface Clients {
  /** Lets one message be tried from the address; any number may be under way. */
  attempt(from: string): Promise<Outcome>;
  close(): void;
}

interface Group {
  readonly pid: number;
  attempt(from: string): Promise<Outcome>;
  end(): void;
}

/** `program` is the file of clients-process.ts as Node can run it. */
export function createClients(mail: MailProcess, program: string): Clients {
  let group: Group | null = null;

  /** Each life of the mail container has a network of its own. */
  function inNetworkOf(pid: number): Group {
    if (group?.pid === pid) return group;
    group?.end();
    group = startGroup(pid, program);
    return group;
  }

  return {
    async attempt(from) {
      const pid = await mail.pid();
      if (pid === null) return 'away';
      const outcome = await inNetworkOf(pid).attempt(from);
      if (outcome === 'away') mail.doubt();
      return outcome;
    },
    close() {
      group?.end();
    },
  };
}

function startGroup(pid: number, program: string): Group {
  const waiting = new Map<string, (outcome: Outcome) => void>();
  const inside = [`--net=/proc/${pid}/ns/net`, process.execPath, program];
  const child = spawn('nsenter', inside, { stdio: ['pipe', 'pipe', 'inherit'] });
  let last = 0;
  let over = false;
  // What is written to a process that is gone is settled when it closes.
  child.stdin.on('error', () => {});
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [number = '', outcome] = line.split(' ');
    waiting.get(number)?.(outcome as Outcome);
    waiting.delete(number);
  });
  child.on('close', () => {
    over = true;
    for (const settle of waiting.values()) settle('away');
  });
  return {
    pid,
    attempt(from) {
      if (over) return Promise.resolve('away');
      last += 1;
      const number = String(last);
      child.stdin.write(`${number} ${from}\n`);
      return new Promise((settle) => waiting.set(number, settle));
    },
    end() {
      child.kill('SIGKILL');
    },
  };
}
