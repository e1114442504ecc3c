import { latin1, latin1Bytes, slot } from "../../base/index.ts";
import type { Row } from "../../store/index.ts";
import {
  admit,
  type CommandContext,
  type CommandSpec,
  commandByName,
  detailsOf,
  NOT_RESIDENT,
  type Reply,
  shardCommandOf,
  valuesOf,
} from "../index.ts";

/** A slot's rows in a map, with log time that a test moves; what is named in `absent` is not in memory. */
export class Rows implements CommandContext {
  nowMs = 0;
  version = 7;
  /** What transactions have done. */
  work = 0;
  readonly latin1 = latin1;
  readonly rows: Map<string, Row> = new Map();
  readonly absent: Set<string> = new Set();
  /** What the running command's spec says of the values that it looks at: a row of another key may be a head. */
  #values: ReadonlySet<string> | undefined;

  get(_slot: number, key: string): Row | null | undefined {
    if (this.#values?.has(key) === false)
      throw new Error(`the command's spec does not say that it looks at the value of ${key}`);
    return this.head(_slot, key);
  }

  head(_slot: number, key: string): Row | null | undefined {
    if (this.absent.has(key)) return undefined;
    const row = this.rows.get(key);
    return row === undefined || (row.expiresAtMs !== 0 && row.expiresAtMs <= this.nowMs) ? null : row;
  }

  put(_slot: number, key: string, row: Row): void {
    this.rows.set(key, { ...row, payload: row.payload.slice() });
  }

  delete(_slot: number, key: string): boolean {
    const found = this.head(slot(0), key) !== null;
    this.rows.delete(key);
    return found;
  }

  lengthOf(_slot: number, key: string): number | undefined {
    const row = this.head(_slot, key);
    return row === undefined ? undefined : (row?.payload.length ?? 0);
  }

  worked(bytes: number): void {
    this.work += bytes;
  }

  /** As a node does: admitted first, then run. All keys count as of one slot. */
  run(name: string, ...args: readonly (string | Uint8Array)[]): Reply | typeof NOT_RESIDENT {
    const bytes = args.map((arg) => (typeof arg === "string" ? latin1Bytes(arg) : arg));
    const spec = shardCommandOf(commandByName(latin1Bytes(name)) as CommandSpec, bytes);
    const admitted = admit(spec, bytes);
    if (typeof admitted !== "number" && !(admitted.type === "error" && admitted.kind === "CROSSSLOT")) return admitted;
    this.#values = new Set(valuesOf(spec, bytes).map(latin1));
    const reply = spec.run?.(this, slot(0), bytes) as Reply | typeof NOT_RESIDENT;
    this.#values = undefined;
    if (reply !== NOT_RESIDENT && reply.type !== "error" && !detailsOf(spec)?.replies.includes(reply.type)) {
      throw new Error(`the details of ${name} do not name ${reply.type}`);
    }
    return reply;
  }

  /** The answer as redis-cli would show it, in one line. */
  ask(line: string): string {
    const [name, ...args] = line.split(" ");
    const reply = this.run(name as string, ...args);
    if (reply === NOT_RESIDENT) throw new Error(`${line}: a row is not in memory`);
    return shown(reply);
  }
}

export function shown(reply: Reply): string {
  switch (reply.type) {
    case "simple":
      return reply.text;
    case "bulk":
      return `"${latin1(reply.bytes)}"`;
    case "nil":
      return "(nil)";
    case "integer":
      return String(reply.value);
    case "error":
      return `(error) ${reply.kind} ${reply.text}`;
    case "array":
      return `[${reply.items.map(shown).join(" ")}]`;
    case "map":
      return `[${reply.entries.flat().map(shown).join(" ")}]`;
    default:
      throw new RangeError(`no test needs ${reply.type}`);
  }
}
