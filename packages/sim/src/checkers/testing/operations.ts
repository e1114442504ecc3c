import type { Command, Operation, Outcome } from "../index.ts";

export const never: number = Number.POSITIVE_INFINITY;

let ids = 0;

interface Base {
  readonly began: number;
  readonly ended: number;
  readonly outcome?: Outcome | undefined;
  readonly behind?: readonly Operation[] | undefined;
  readonly keys?: readonly string[];
}

function base({
  began,
  ended,
  outcome = "done",
  behind = [],
  keys = ["k"],
}: Base): Omit<Extract<Operation, { kind: "get" }>, "kind" | "result"> {
  ids += 1;
  const key = keys.length > 1 ? "{tag}" : (keys[0] as string).slice(0, (keys[0] as string).indexOf("}") + 1) || "k";
  return { id: ids, client: "c", key, keys, began, beganMs: began, ended, endedMs: ended, outcome, behind };
}

type Begin = readonly [began: number, ended: number];

export function set(
  ...[began, ended, value, outcome, behind, keys]: [...Begin, string, Outcome?, (readonly Operation[])?, string[]?]
): Operation {
  return { ...base({ began, ended, outcome, behind, ...(keys && { keys }) }), kind: "set", value, result: 1 };
}

/** SET PX. */
export function setEnding(...[began, ended, value, outcome]: [...Begin, string, Outcome?]): Operation {
  return { ...base({ began, ended, outcome }), kind: "set", value, expiresMs: 5, result: 1 };
}

/** SET NX or XX of a key of a slot. */
export function setIf(
  ...[began, ended, only, keys, value, result, outcome]: [...Begin, "nx" | "xx", string[], string, 0 | 1, Outcome?]
): Operation {
  return { ...base({ began, ended, outcome, keys }), kind: "set", only, value, result };
}

export function get(...[began, ended, result, keys]: [...Begin, string | null, string[]?]): Operation {
  return { ...base({ began, ended, ...(keys && { keys }) }), kind: "get", result };
}

export function del(...[began, ended, result, outcome, keys]: [...Begin, number, Outcome?, string[]?]): Operation {
  return { ...base({ began, ended, outcome, ...(keys && { keys }) }), kind: "del", result };
}

export function flush(...[began, ended, outcome]: [...Begin, Outcome?]): Operation {
  return { ...base({ began, ended, outcome }), keys: [], kind: "flush", result: 0 };
}

export function exists(...[began, ended, result, keys]: [...Begin, number, string[]]): Operation {
  return { ...base({ began, ended, keys }), kind: "exists", result };
}

export function mset(...[began, ended, value, keys, outcome]: [...Begin, string, string[], Outcome?]): Operation {
  return { ...base({ began, ended, outcome, keys }), kind: "mset", value, result: 1 };
}

export function mget(...[began, ended, result, keys]: [...Begin, (string | null)[], string[]]): Operation {
  return { ...base({ began, ended, keys }), kind: "mget", result };
}

export function incr(
  ...[began, ended, result, outcome, behind]: [...Begin, number, Outcome?, (readonly Operation[])?]
): Operation {
  return { ...base({ began, ended, outcome, behind }), kind: "incr", result };
}

export function append(...[began, ended, value, result, outcome]: [...Begin, string, number, Outcome?]): Operation {
  return { ...base({ began, ended, outcome }), kind: "append", value, result };
}

type Watching = Readonly<Record<string, string | null>>;

/** Of a transaction, its commands; `watched`: what was read of each key behind its WATCH, at moment 0. Result 0: nothing. */
export function exec(
  ...[began, ended, commands, watched, result, outcome]: [...Begin, readonly Command[], Watching?, (0 | 1)?, Outcome?]
): Operation {
  const watches = Object.entries(watched ?? {}).map(([key, value]) => ({ key, value, since: 0 }));
  const keys = [...new Set([...watches.map(({ key }) => key), ...commands.flatMap((command) => command.keys)])];
  const all = base({ began, ended, outcome, keys });
  return { ...all, key: "{tag}", kind: "exec", commands, watched: watches, result: result ?? 1 };
}

export const parts = {
  set: (key: string, value: string): Command => ({ kind: "set", keys: [key], value, result: 1 }),
  get: (key: string, result: string | null): Command => ({ kind: "get", keys: [key], result }),
  mget: (keys: readonly string[], result: readonly (string | null)[]): Command => ({ kind: "mget", keys, result }),
  del: (keys: readonly string[], result: number): Command => ({ kind: "del", keys, result }),
  incr: (key: string, result: number): Command => ({ kind: "incr", keys: [key], result }),
} as const;
