import type { Base, Command, ExecOperation, Operation, Outcome, Watched } from "./history.ts";

/** What an operation is to do. Values are made from its number, so that none is ever written twice. */
export interface Wanted extends WantedCommand {
  /** Of EXEC. */
  readonly commands?: readonly (WantedCommand & { readonly kind: Command["kind"] })[] | undefined;
  readonly watched?: readonly Watched[] | undefined;
  readonly kind: Operation["kind"];
}

interface WantedCommand {
  readonly kind: Operation["kind"];
  /** All of one slot. */
  readonly keys: readonly string[];
  readonly only?: "nx" | "xx" | undefined;
  readonly expiresMs?: number | undefined;
  /** Length of the value of a SET, at least. */
  readonly valueBytes?: number | undefined;
}

/** Of the pieces that APPEND adds, which are numbers: all have the same length. */
const PIECE_BYTES = 8;

/** Operations from their beginning to their end, by the history that each belongs to. */
export class Histories {
  readonly #nowMs: () => number;
  readonly #moment: () => number;
  readonly #byKey: Map<string, Operation[]> = new Map();
  readonly #all: Operation[] = [];
  readonly #flushes: Operation[] = [];
  readonly #open: Set<Operation> = new Set();

  /** `moment`: larger each time. */
  constructor(nowMs: () => number, moment: () => number) {
    this.#nowMs = nowMs;
    this.#moment = moment;
  }

  get operations(): number {
    return this.#all.length;
  }

  get open(): ReadonlySet<Operation> {
    return this.#open;
  }

  /** Names of the histories, in the order in which they began. */
  get keys(): readonly string[] {
    return [...this.#byKey.keys()];
  }

  /** In the order of their beginnings; what concerns all keys is in each history. */
  of(key: string): readonly Operation[] {
    const own = this.#byKey.get(key) ?? [];
    if (this.#flushes.length === 0) return own;
    return [...own, ...this.#flushes].sort((left, right) => left.began - right.began);
  }

  /** The operation whose number a value begins with. */
  writerOf(value: string): Operation | undefined {
    return this.#all[Number.parseInt(value, 10) - 1];
  }

  /** Before the command is sent. `key`: name of the history. `behind`: those before it that happen first. */
  begin(client: string, key: string, wanted: Wanted, behind: readonly Operation[] = []): Operation {
    const operation = this.#begin(client, key, wanted, behind);
    const history = this.#byKey.get(key);
    if (history === undefined) this.#byKey.set(key, [operation]);
    else history.push(operation);
    return operation;
  }

  /** The same, of FLUSHALL. */
  beginFlush(client: string): Operation {
    const operation = this.#begin(client, "", { kind: "flush", keys: [] }, []);
    this.#flushes.push(operation);
    return operation;
  }

  #begin(client: string, key: string, wanted: Wanted, behind: readonly Operation[]): Operation {
    const id = this.#all.length + 1;
    const base: Base = {
      id,
      client,
      key,
      keys: wanted.keys,
      began: this.#moment(),
      beganMs: this.#nowMs(),
      ended: Number.POSITIVE_INFINITY,
      endedMs: Number.POSITIVE_INFINITY,
      outcome: "open",
      behind,
    };
    const operation =
      wanted.kind === "exec" ? makeExec(base, wanted) : { ...base, ...makeCommand(wanted.kind, wanted, `${id}`) };
    this.#all.push(operation);
    this.#open.add(operation);
    return operation;
  }

  /** After the answer has come, and its result was set; or when none will come. */
  end(operation: Operation, outcome: Exclude<Outcome, "open">): void {
    operation.outcome = outcome;
    operation.endedMs = this.#nowMs();
    if (outcome !== "unknown") operation.ended = this.#moment();
    this.#open.delete(operation);
  }
}

function makeExec(base: Base, { commands = [], watched = [] }: Wanted): ExecOperation {
  const made = commands.map((command, at) => makeCommand(command.kind, command, `${base.id}:${at}`));
  return { ...base, kind: "exec", commands: made, watched, result: 0 };
}

function makeCommand(
  kind: Command["kind"],
  { keys, only, expiresMs, valueBytes = 0 }: WantedCommand,
  number: string,
): Command {
  switch (kind) {
    case "set": {
      const conditions = { ...(only && { only }), ...(expiresMs && { expiresMs }) };
      return { keys, kind, value: number.padEnd(valueBytes, "."), ...conditions, result: 0 };
    }
    case "append":
      return { keys, kind, value: number.padStart(PIECE_BYTES, "0"), result: 0 };
    case "mset":
      return { keys, kind, value: number, result: 0 };
    case "mget":
      return { keys, kind, result: [] };
    case "get":
      return { keys, kind, result: null };
    default:
      return { keys, kind, result: 0 };
  }
}
