import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig, type SETTINGS } from '../../src/config/settings.ts';
import type { ControlReply } from '../../src/core/base/control-message.ts';
import type { CheckResult } from '../../src/core/doctor/check-result.ts';
import { network } from '../../src/core/net/network.ts';
import { newEntry } from '../../src/core/policy/entry.ts';
import { EMPTY_STATE, type State } from '../../src/core/state/state.ts';
import { renderBlock } from '../../src/core/table/managed-block.ts';
import { type DoctorPorts, examine } from '../../src/diagnose/examine.ts';
import { cronInterval } from '../../src/edge/clock.ts';
import { createDockerEngine } from '../../src/edge/docker.ts';
import { createFileLook, createTableFile, createWholeFile } from '../../src/edge/file.ts';
import { readSettingsFile } from '../../src/edge/settings-file.ts';
import catalogue from '../../src/senders/catalogue.json' with { type: 'json' };
import { readCatalogue } from '../../src/senders/catalogue-schema.ts';
import type { Zone } from './dns-zone.ts';
import { EngineDouble } from './engine.ts';
import { MailServerDouble } from './mailserver.ts';
import { sendersZone } from './senders-zone.ts';
import { zoneResolver } from './zone-resolver.ts';

export const TABLE = '/etc/screenpass/postscreen_access.cidr';
export const SENDERS = readCatalogue(catalogue);

export const BLOCK = renderBlock([
  {
    entry: newEntry('amazon-ses', 0, { scope: 'sender', networks: [], cause: null }),
    networks: [network('54.240.0.0/17')],
  },
]);

/** A healthy installation over the doubles, with real files; a test makes it ill before doctor looks. */
export class Patient implements AsyncDisposable {
  readonly folder: string;
  readonly engine: EngineDouble;
  readonly mail: MailServerDouble;
  env: Partial<Record<keyof typeof SETTINGS, string>> = {};
  zone: Zone = sendersZone(SENDERS);
  now = Date.parse('2026-11-25T02:00:00Z');
  /** Who listens in the state directory. */
  askDaemon: () => Promise<ControlReply> = async () => ({ ok: true, result: {} });

  private constructor(folder: string, mounts: readonly string[]) {
    this.folder = folder;
    const container = { name: 'mailserver', networks: { mail: '172.18.0.5/16' }, mounts };
    this.engine = new EngineDouble({ socketPath: join(folder, 'docker.sock'), container });
    const table = { inContainer: TABLE, onHost: this.table };
    this.mail = new MailServerDouble({ engine: this.engine, table });
  }

  static async create(mounts: readonly string[] = ['/etc/screenpass']): Promise<Patient> {
    const patient = new Patient(await mkdtemp(join(tmpdir(), 'screenpass-doctor-')), mounts);
    await patient.engine.listen();
    await patient.writeTable(BLOCK);
    await patient.writeState({});
    await patient.connect('54.240.27.75');
    return patient;
  }

  get table(): string {
    return join(this.folder, 'postscreen_access.cidr');
  }

  writeTable(text: string): Promise<void> {
    return writeFile(this.table, text, 'latin1');
  }

  writeState(changes: Partial<State>): Promise<void> {
    return writeFile(join(this.folder, 'state.json'), JSON.stringify({ ...EMPTY_STATE, ...changes }));
  }

  connect(ip: string) {
    return this.mail.connect(ip, { helo: 'a.example', from: 'a@b.example', to: 'c@d.example' });
  }

  /** What doctor finds; `ports` replaces single edges. */
  look(ports: Partial<DoctorPorts> = {}): Promise<readonly CheckResult[]> {
    const env = {
      SCREENPASS_TABLE: this.table,
      SCREENPASS_TABLE_IN_CONTAINER: TABLE,
      SCREENPASS_STATE_DIR: this.folder,
      ...this.env,
    };

    const read = readConfig(env, { catalogue: SENDERS, readFile: readSettingsFile, cronInterval });
    if (!read.ok) throw new Error(read.problems.join('\n'));
    const { config } = read;
    const stateFile = join(config.stateDir, 'state.json');
    const options = { config, dnsServers: config.dnsServers, catalogue: catalogue.generated, stateFile };
    const host = config.dockerHost ?? this.engine.host;
    return examine(options, {
      engine: createDockerEngine({ host, container: config.container }),
      resolver: zoneResolver(this.zone),
      table: createTableFile(config.table),
      state: createWholeFile(stateFile),
      files: createFileLook(),
      askDaemon: this.askDaemon,
      now: () => this.now,
      ...ports,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
