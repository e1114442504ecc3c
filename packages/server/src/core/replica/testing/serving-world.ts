import { expect } from "vitest";
import { groupId, index, latin1, latin1Bytes, replicaId, type Slot, slot, term } from "../../base/index.ts";
import { type CommandSpec, commandByName, commandByOpcode, type Reply } from "../../command/index.ts";
import type { Env } from "../../env/index.ts";
import {
  decodeKeyPageReply,
  EntryEncoder,
  encodeKeyPageRequest,
  initialSystemRows,
  KEY_PAGE,
  KeyspaceCounts,
  Opcode,
  ShardMachine,
} from "../../machine/index.ts";
import { EntryKind } from "../../raft/index.ts";
import type { KeyPage, Pins, Row, RowKey, Space } from "../../store/index.ts";
import { ReadServing } from "../read-serving.ts";
import { ReadTurns } from "../read-turns.ts";
import type { ReplicaHost, Request, Rerouted, Serving } from "../types.ts";

const SLOT = slot(7);
const shown = (reply: Reply): string => {
  if (reply.type === "bulk") return latin1(reply.bytes);
  return reply.type === "integer" ? `${reply.value}` : reply.type;
};
const spec = (name: string): CommandSpec => commandByName(latin1Bytes(name)) as CommandSpec;

/** A leader's state, a clock beside its log time, and what the leader puts in the log. */
export class ServingWorld {
  clockMs = 1_000;
  /** How far the clock goes between two looks at it. */
  clockStepMs = 0;
  /** The clock of the passes. */
  passMs = 0;
  /** What answering a read takes of it. */
  answerMs = 0;
  /** How often a pass was asked for. */
  passes = 0;
  leads = true;
  readonly group = groupId(1);
  readonly space: Space;
  readonly keyspace: KeyspaceCounts = new KeyspaceCounts();
  readonly machine: ShardMachine;
  readonly serving: ReadServing;
  readonly turns: ReadTurns<Serving> = new ReadTurns<Serving>(
    () => this.passMs,
    () => void (this.passes += 1),
  );
  readonly proposed: Request[] = [];
  readonly rerouted: string[] = [];
  /** In the order of their replies; a `!` in front: told before that it was tried again. */
  readonly answered: string[] = [];
  readonly #rows: Map<string, Row> = new Map();
  readonly #absent: Set<string> = new Set();
  readonly #fetches: (() => void)[] = [];
  pinned = 0;

  constructor() {
    const system = initialSystemRows([replicaId(1)]);
    const space = {
      group: this.group,
      system: (name: string) => system.get(name),
      systemNames: () => [],
      get: (_: Slot, key: string) => (this.#absent.has(key) ? undefined : (this.#rows.get(key) ?? null)),
      head: (_: Slot, key: string) => (this.#absent.has(key) ? undefined : (this.#rows.get(key) ?? null)),
      put: (_: Slot, key: string, row: Row) => void this.#rows.set(key, row),
      delete: (_: Slot, key: string) => void this.#rows.delete(key),
      fetch: (keys: readonly RowKey[], done: (pins: Pins) => void) => {
        this.pinned += 1;
        this.#fetches.push(() => {
          for (const { key } of keys) this.#absent.delete(key);
          done({ release: () => void (this.pinned -= 1) });
        });
      },
    };
    this.space = space as unknown as Space;
    this.machine = new ShardMachine({ latin1 } as unknown as Env, this.space, commandByOpcode, this.keyspace);
    const host = {
      env: {
        monotonicMs: () => this.passMs,
        wallMs: () => {
          const nowMs = this.clockMs;
          this.clockMs += this.clockStepMs;
          return nowMs;
        },
      },
      store: {
        keys: (_: Space, __: unknown, done: (page: KeyPage) => void) => {
          const keys = [...this.#rows].map(([key, { expiresAtMs }]) => ({ slot: SLOT, key, expiresAtMs }));
          done({ keys, complete: true, upTo: { slot: SLOT, key: undefined } });
        },
      },
      turns: this.turns,
      reroute: (_: unknown, items: readonly Rerouted[]) =>
        this.rerouted.push(...items.map(({ args }) => latin1(args[0] as Uint8Array))),
    };
    this.serving = new ReadServing(host as unknown as ReplicaHost, this);
  }

  get applied(): ShardMachine["applied"]["index"] {
    return this.machine.applied.index;
  }

  submitWrite(request: Request): void {
    this.proposed.push(request);
  }

  /** An entry with one command, at the clock's time. */
  apply(opcode: number, ...args: string[]): Reply {
    const encoder = new EntryEncoder();
    encoder.add(opcode, SLOT, undefined, args.map(latin1Bytes));
    let answer: Reply | undefined;
    this.machine.apply(
      {
        index: index(this.applied + 1),
        term: term(this.machine.applied.term + 1),
        kind: EntryKind.normal,
        data: encoder.finish(this.clockMs),
      },
      { reply: (_, reply) => (answer = reply) },
    );
    return answer as Reply;
  }

  write(line: string): void {
    const [name, ...args] = line.split(" ");
    this.#absent.delete(args[0] as string);
    expect(this.apply(spec(name as string).opcode, ...args).type).not.toBe("error");
  }

  get(key: string, stale = false): void {
    this.serving.serve([this.read(key, stale)], stale);
  }

  read(key: string, stale = false, command = "get", rest: Partial<Request> = {}): Rerouted {
    const args = [latin1Bytes(key)];
    let late = "";
    const complete = (reply: Reply): void => {
      this.passMs += this.answerMs;
      this.answered.push(`${late}${key}=${shown(reply)}`);
    };
    const retried = (): void => void (late = "!");
    const request = { spec: spec(command), args, slot: SLOT, redirect: false, stale, complete, retried, ...rest };
    return { request, args, bornMs: 0 };
  }

  /** A page of all keys, of which only the number is noted. */
  page(stale = false): void {
    const args = encodeKeyPageRequest({ place: 0, toSlot: slot(16383), keysMax: 10, pattern: undefined });
    const complete = (reply: Reply): void => {
      this.answered.push(`page=${decodeKeyPageReply(reply)?.keys.length}`);
    };
    const request = { spec: KEY_PAGE, args, slot: slot(0), redirect: false, stale, complete };
    this.serving.serve([{ request, args, bornMs: 0 }], stale);
  }

  /** What the leader proposed for its reads is applied. */
  decide(): void {
    for (const request of this.proposed.splice(0)) {
      expect(request.spec.opcode).toBe(Opcode.time);
      request.complete(this.apply(request.spec.opcode));
    }
    this.serving.resume();
  }

  forget(key: string): void {
    this.#absent.add(key);
  }

  fetched(): void {
    for (const done of this.#fetches.splice(0)) done();
  }
}
