/** Lets many work at once, and one alone: who wants to be alone waits for the others, and holds off new ones. */
export interface Gate {
  together<T>(work: () => Promise<T>): Promise<T>;
  alone<T>(work: () => Promise<T>): Promise<T>;
}

export function createGate(): Gate {
  let lonely: Promise<unknown> = Promise.resolve();
  const others = new Set<Promise<unknown>>();
  return {
    async together(work) {
      // One may have come after the one that was waited for.
      for (let before: unknown; before !== lonely; ) {
        before = lonely;
        await before;
      }
      const mine = work();
      const quiet = mine.catch(() => {});
      others.add(quiet);
      return mine.finally(() => others.delete(quiet));
    },
    alone(work) {
      const mine = lonely.then(() => Promise.all(others)).then(work);
      lonely = mine.catch(() => {});
      return mine;
    },
  };
}
