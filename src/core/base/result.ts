/** An expected failure is a value: `problem` says what is wrong and what would be right. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

export function ok<T>(value: T): Result<T> {
  return { ok: true, value };
}

export function problem(text: string): Result<never> {
  return { ok: false, problem: text };
}
