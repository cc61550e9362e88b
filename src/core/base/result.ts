// The result of work that can fail as expected. A bug is thrown, and is not a result.

/** `problem` says what is wrong and what is expected. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function problem(text: string): Result<never> {
  return { ok: false, problem: text };
}
