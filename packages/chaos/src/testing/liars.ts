import type { Caller, Told } from "../clients/index.ts";

/** A caller whose answers are those of another, but for what `answer` makes of them. */
function through(honest: Caller, answer: (key: string, args: readonly string[]) => Promise<Told>): Caller {
  return {
    kind: "liar",
    keepsOrder: honest.keepsOrder,
    call: answer,
    reconnect: () => honest.reconnect(),
    close: () => honest.close(),
  };
}

/**
 * Answers one GET with a value that it has seen replaced. Every value is written once, so it cannot come back: found,
 * whatever the other clients do.
 */
export function staleOnce(honest: Caller, lied: () => void): Caller {
  const replaced = new Map<string, string>();
  const seen = new Map<string, string>();
  let done = false;
  return through(honest, async (key, args) => {
    const told = await honest.call(key, args);
    if (args[0] !== "GET" || told.outcome !== "done" || typeof told.value !== "string" || done) return told;
    const old = replaced.get(key);
    if (old !== undefined && old !== told.value) {
      done = true;
      lied();
      return { outcome: "done", value: old };
    }
    const before = seen.get(key);
    if (before !== undefined && before !== told.value) replaced.set(key, before);
    seen.set(key, told.value);
    return told;
  });
}

/** Acknowledges writes that it does not send, once it has sent `after`. */
export function losesWrites(honest: Caller, after: number): Caller {
  let sent = 0;
  return through(honest, (key, args) => {
    if (args[0] !== "SET") return honest.call(key, args);
    sent += 1;
    return sent > after ? Promise.resolve({ outcome: "done", value: "OK" }) : honest.call(key, args);
  });
}

/** Says of writes that they were certainly not done, although they were. */
export function deniesWrites(honest: Caller): Caller {
  return through(honest, async (key, args) => {
    const told = await honest.call(key, args);
    return args[0] === "SET" ? { outcome: "refused", why: "a lie" } : told;
  });
}

/** Sends each of these commands twice, as a client does that tries again what it should not. */
export function sendsTwice(honest: Caller, name: string): Caller {
  return through(honest, async (key, args) => {
    if (args[0] === name) await honest.call(key, args);
    return honest.call(key, args);
  });
}

/** Of several keys it deletes two. */
export function deletesHalf(honest: Caller): Caller {
  return through(honest, async (key, args) => {
    if (args[0] !== "DEL" || args.length < 4) return honest.call(key, args);
    let deleted = 0;
    for (const one of args.slice(1, 3)) {
      const told = await honest.call(one, ["DEL", one]);
      if (told.outcome === "done") deleted += told.value as number;
    }
    return { outcome: "done", value: deleted };
  });
}

/** Does not know how every second write ended; half of them were not even sent. */
export function forgets(honest: Caller): Caller {
  let writes = 0;
  return through(honest, async (key, args) => {
    if (args[0]?.endsWith("GET") === true || args[0] === "EXISTS") return honest.call(key, args);
    writes += 1;
    const told: Told = writes % 4 === 0 ? { outcome: "unknown", why: "not sent" } : await honest.call(key, args);
    return writes % 4 === 2 ? { outcome: "unknown", why: "sent" } : told;
  });
}
