/** `screenpass doctor`: looks at the installation, and prints the result of each check and what to do about it. */

import { join } from 'node:path';
import type { Config } from '../config/settings.ts';
import { exitCode } from '../core/doctor/all-checks.ts';
import type { CheckResult, CheckVerdict } from '../core/doctor/check-result.ts';
import { examine } from '../diagnose/examine.ts';
import { askControl } from '../edge/control-client.ts';
import { createResolver } from '../edge/dns.ts';
import { createDockerEngine } from '../edge/docker.ts';
import { createFileLook, createTableFile, createWholeFile } from '../edge/file.ts';
import { print } from './output.ts';

const PATIENCE_MS = 5_000;

/**
 * Changes nothing. Prints an array, or a line for each check. Returns the exit code: 0 also with warnings, 1 when a check failed, 3 when the Engine did not answer.
 */
export async function doctor(
  config: Config,
  catalogue: string,
  options: { readonly json: boolean; readonly dnsServers: readonly string[] },
): Promise<0 | 1 | 3> {
  const { dnsServers } = options;
  const stateFile = join(config.stateDir, 'state.json');
  const socket = join(config.stateDir, 'control.sock');
  const findings = await examine(
    { config, dnsServers, catalogue, stateFile },
    {
      engine: createDockerEngine({ host: config.dockerHost, container: config.container }),
      resolver: createResolver({ servers: dnsServers }),
      table: createTableFile(config.table),
      state: createWholeFile(stateFile),
      files: createFileLook(),
      askDaemon: () => askControl(socket, { command: 'status', arguments: {} }, PATIENCE_MS),
      now: Date.now,
    },
  );
  print(findings, options.json, shown);
  return exitCode(findings);
}

const WORDS: Readonly<Record<CheckVerdict, string>> = { ok: 'ok', warn: 'warn', fail: 'FAIL', unknown: '?' };

function shown(findings: readonly CheckResult[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const together = notLookedAt(findings);
  const single = findings.filter((finding) => !together.includes(finding));
  const lines = single.flatMap(({ check, verdict, says, remedy }) => [
    `${WORDS[verdict].padEnd(4)}  ${check.padEnd(width)}  ${says}`,
    ...(remedy ?? '').split('\n').flatMap((line) => (line === '' ? [] : [`${' '.repeat(width + 8)}${line}`])),
  ]);
  const count = (verdict: CheckVerdict) => findings.filter((finding) => finding.verdict === verdict).length;
  const sum = `${findings.length} checks: ${count('ok')} ok, ${count('warn')} warn, ${count('fail')} failed, ${count('unknown')} not checked`;
  return `${[...lines, ...togetherText(together), '', sum].join('\n')}\n`;
}

/** When the Engine does not answer, all that was not checked for that reason is one line. */
function notLookedAt(findings: readonly CheckResult[]): readonly CheckResult[] {
  const isAway = findings.some(({ check, verdict }) => check === 'engine' && verdict === 'fail');
  const unknown = isAway ? findings.filter(({ verdict }) => verdict === 'unknown') : [];
  const isShared = (one: CheckResult) => unknown.some((other) => other !== one && other.says === one.says);
  return unknown.filter((one) => one.check === 'container' || isShared(one));
}

function togetherText(findings: readonly CheckResult[]): string[] {
  if (findings.length === 0) return [];
  const checks = findings.map(({ check }) => check).join(', ');
  return ['', `Not checked, because the Engine does not answer: ${checks}`];
}
