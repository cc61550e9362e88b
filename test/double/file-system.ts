import * as nodeFiles from 'node:fs/promises';
import type { FileSystem } from '../../src/edge/file.ts';

type FileHandle = nodeFiles.FileHandle;

/** What changes something on disk, and could be cut short by a kill. */
const CHANGES = ['chmod', 'chown', 'writeFile', 'sync', 'close'] as const;
type Change = (typeof CHANGES)[number];

/** The process is gone. No error of the file system's, so that nobody takes it for one and goes on. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

/** Stands before each call that changes something; may throw. `dying` is what still happens of it at a kill. */
type Gate = (call: string, dying?: () => Promise<void>) => Promise<void>;

/** The real file system with a gate before each change. */
function gated(gate: Gate): FileSystem {
  function handle(file: FileHandle, name: string): FileHandle {
    return new Proxy(file, {
      get(target, property) {
        const call = property as Change;
        if (!CHANGES.includes(call)) return Reflect.get(target, property);
        return async (...given: [string, BufferEncoding]) => {
          const dying = {
            writeFile: () => target.writeFile(given[0].slice(0, given[0].length / 2), given[1]),
            // The kernel closes what a killed process has open.
            close: () => target.close(),
          };
          await gate(`${call} ${name}`, call === 'writeFile' || call === 'close' ? dying[call] : undefined);
          return Reflect.apply(target[call], target, given);
        };
      },
    });
  }
  const shown = (path: unknown) => String(path).split('/').at(-1) ?? '';
  return {
    lstat: nodeFiles.lstat,
    readFile: nodeFiles.readFile,
    async open(path, ...given) {
      await gate(`open ${shown(path)}`);
      return handle(await nodeFiles.open(path, ...given), shown(path));
    },
    async rename(from, to) {
      await gate(`rename ${shown(from)} ${shown(to)}`);
      await nodeFiles.rename(from, to);
    },
    async rm(path, options) {
      await gate(`rm ${shown(path)}`);
      await nodeFiles.rm(path, options);
    },
  };
}

/** A process that is killed right before its nth change on disk; of a write, half of it is done. */
export class DyingProcess {
  readonly calls: string[] = [];
  readonly files: FileSystem;
  dead = false;

  constructor(last: number) {
    this.files = gated(async (call, dying) => {
      const now = !this.dead && this.calls.length === last;
      this.dead ||= now;
      if (now || (this.dead && call.startsWith('close '))) await dying?.();
      if (this.dead) throw new Killed(call);
      this.calls.push(call);
    });
  }
}

/** A file system that gives an error where told; null: none. */
export class FaultyFiles {
  fault: { readonly call: RegExp; readonly code: string } | null = null;
  /** Calls that were refused. */
  refused = 0;
  readonly files: FileSystem = gated(async (call) => {
    if (this.fault?.call.test(call) !== true) return;
    this.refused += 1;
    throw Object.assign(new Error(call), { code: this.fault.code });
  });
}
