/** Between two looks at a state of another process that sends no event. */
const LOOK_MS = 20;

/** Looks until `look` returns something, and fails by saying what was waited for. */
export async function eventually<T>(
  what: string,
  ms: number,
  look: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const deadlineMs = performance.now() + ms;
  let lastError: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      lastError = error;
    }
    if (performance.now() > deadlineMs) throw new Error(`waited ${ms} ms for ${what}`, { cause: lastError });
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
