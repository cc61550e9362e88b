import * as nodeFiles from 'node:fs/promises';
import type { FileSystem } from '../../src/edge/file.ts';

type FileHandle = nodeFiles.FileHandle;

/** What changes something on disk, and could be cut short by a kill. */
const CHANGES = ['chmod', 'chown', 'writeFile', 'sync', 'close'] as const;
type Change = (typeof CHANGES)[number];
const LOOKS = ['stat', 'read'] as const;

/** The process is gone. No error of the file system's, so that nobody takes it for one and goes on. */
export class Killed extends Error {
  override readonly name = 'Killed';
}

interface Call {
  /** Such as `rename .state.json.tmp state.json`. */
  readonly name: string;
  /** Something on disk, so that a kill before it is another one than a kill after it. */
  readonly changes: boolean;
  /** What still happens of it at a kill. */
  readonly dying?: () => Promise<void>;
}

/** Comes before each call; may throw. */
type Gate = (call: Call) => Promise<void>;

/** The real file system with a gate before each call. */
function gated(gate: Gate): FileSystem {
  function handle(file: FileHandle, name: string, changes: boolean): FileHandle {
    return new Proxy(file, {
      get(target, property) {
        const call = property as Change | (typeof LOOKS)[number];
        if (![...CHANGES, ...LOOKS].includes(call)) return Reflect.get(target, property);
        return async (...given: [string, BufferEncoding]) => {
          const dying = {
            writeFile: () => target.writeFile(given[0].slice(0, given[0].length / 2), given[1]),
            // The kernel closes what a killed process has open.
            close: () => target.close(),
          };
          const half = call === 'writeFile' || call === 'close' ? { dying: dying[call] } : {};
          await gate({ name: `${call} ${name}`, changes, ...half });
          return Reflect.apply(target[call] as () => unknown, target, given);
        };
      },
    });
  }
  const shown = (path: unknown) => String(path).split('/').at(-1) ?? '';
  return {
    async lstat(path) {
      await gate({ name: `lstat ${shown(path)}`, changes: false });
      return nodeFiles.lstat(path);
    },
    async open(path, flags, mode) {
      // Files are opened for reading by number; `r` is for a directory that is synced.
      const changes = typeof flags !== 'number';
      await gate({ name: `open ${shown(path)}`, changes });
      return handle(await nodeFiles.open(path, flags, mode), shown(path), changes);
    },
    async rename(from, to) {
      await gate({ name: `rename ${shown(from)} ${shown(to)}`, changes: true });
      await nodeFiles.rename(from, to);
    },
    async rm(path, options) {
      await gate({ name: `rm ${shown(path)}`, changes: true });
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
    this.files = gated(async ({ name, changes, dying }) => {
      const now = changes && !this.dead && this.calls.length === last;
      this.dead ||= now;
      if (now || (this.dead && name.startsWith('close '))) await dying?.();
      if (this.dead) throw new Killed(name);
      if (changes) this.calls.push(name);
    });
  }
}

/** What a file system gives in place of doing what it was asked; without a code, it is a bug of the program's. */
function hostile(code: string | undefined, call: string): Error {
  return Object.assign(new Error(`${code ?? 'a bug'} at ${call}`), code === undefined ? {} : { code });
}

/** A file system that gives an error where told; null: none. */
export class FaultyFiles {
  fault: { readonly call: RegExp; readonly code: string } | null = null;
  /** Calls that were refused. */
  refused = 0;
  readonly files: FileSystem = gated(async ({ name, dying }) => {
    if (this.fault?.call.test(name) !== true) return;
    this.refused += 1;
    // As close(2): the descriptor is gone.
    if (name.startsWith('close ')) await dying?.();
    throw hostile(this.fault.code, name);
  });
}

/** A file system that gives an error at one call, by its number, and may give another one at each call after it. */
export class HostileFiles {
  /** Of all calls so far, the one that failed included. */
  readonly calls: string[] = [];
  failing: { readonly at: number; readonly code: string | undefined; readonly afterwards?: string } | null =
    null;
  readonly files: FileSystem = gated(async ({ name, dying }) => {
    const at = this.calls.push(name) - 1;
    if (this.failing === null || at < this.failing.at) return;
    const isFirst = at === this.failing.at;
    if (!isFirst && this.failing.afterwards === undefined) return;
    // As close(2): the descriptor is gone.
    if (name.startsWith('close ')) await dying?.();
    throw hostile(isFirst ? this.failing.code : this.failing.afterwards, name);
  });
}
