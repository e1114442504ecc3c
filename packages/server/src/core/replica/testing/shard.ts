import { keySlot } from "@sherd/client/protocol";
import { groupId, index, latin1Bytes, type ReplicaId, replicaId, slot, utf8Bytes } from "../../base/index.ts";
import { type CommandSpec, commandByName, commandByOpcode, type Reply } from "../../command/index.ts";
import {
  decodeKeyPageReply,
  EntryEncoder,
  encodeKeyPageRequest,
  initialSystemRows,
  KEY_PAGE,
  type KeyPageReply,
  type KeyPageRequest,
  Opcode,
  ShardMachine,
} from "../../machine/index.ts";
import { BOOTSTRAP, type Entry, EntryKind } from "../../raft/index.ts";
import type { Pins, Space } from "../../store/index.ts";
import { World } from "../../store/testing/world.ts";
import { KeyReads } from "../key-reads.ts";
import type { ReplicaHost, Request } from "../types.ts";

const GROUP = groupId(1);

/** The entries of a shard, which its replicas apply. */
export class ShardLog {
  readonly entries: Entry[] = [];
  logTimeMs = 1_000;

  /** One entry of these commands: `set k v`, `flush`. */
  add(...lines: string[]): void {
    const encoder = new EntryEncoder();
    for (const line of lines) {
      const [name = "", ...words] = line.split(" ");
      const args = words.map((word) => utf8Bytes(word));
      if (name === "flush") encoder.add(Opcode.flush, slot(0), undefined, []);
      else {
        const spec = commandByName(latin1Bytes(name)) as CommandSpec;
        encoder.add(spec.opcode, slot(keySlot(args[0] as Uint8Array)), undefined, args);
      }
    }
    this.entries.push({
      index: index(BOOTSTRAP.index + 1 + this.entries.length),
      term: BOOTSTRAP.term,
      kind: EntryKind.normal,
      data: encoder.finish(this.logTimeMs),
    });
  }
}

/** One replica's state on a store that can crash, without Raft: its entries come from a `ShardLog`. */
export class ShardReplica {
  world: World;
  machine: ShardMachine;
  space: Space;
  reads: KeyReads;
  clockMs = 0;
  readonly #id: ReplicaId;
  #seed: number;

  constructor(id = 1, world: World = new World()) {
    this.#id = replicaId(id);
    this.#seed = id * 7_919;
    this.world = world;
    const store = world.open();
    const system = initialSystemRows([this.#id]);
    this.space = store.spaces[0] ?? world.get<Space>((done) => store.createSpace(GROUP, this.#id, system, done));
    this.machine = new ShardMachine(world.env, this.space, commandByOpcode);
    this.space.setOwner({
      onFreeze: () => this.machine.freeze(),
      onDurable: () => undefined,
      onDamaged: (error) => {
        throw error;
      },
    });
    this.reads = this.#makeReads();
  }

  #makeReads(): KeyReads {
    const random32 = (): number => {
      this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
      return this.#seed;
    };
    const env = { ...this.world.env, random32 };
    return new KeyReads({ env, store: this.world.store } as unknown as ReplicaHost, this);
  }

  /** Applies what it has not applied, up to so many entries; rows are fetched as a replica does. */
  apply(log: ShardLog, entriesMax: number = Number.POSITIVE_INFINITY): void {
    let left = entriesMax;
    for (const entry of log.entries) {
      if (entry.index <= this.machine.applied.index || left <= 0) continue;
      left -= 1;
      const pins: Pins[] = [];
      for (;;) {
        const missing = this.machine.missing(entry);
        if (missing.length === 0) break;
        pins.push(this.world.get<Pins>((done) => this.space.fetch(missing, done)));
      }
      this.machine.apply(entry, undefined);
      this.space.applied(entry.index);
      for (const each of pins) each.release();
    }
  }

  /** The power goes; what was not flushed is applied again from the log by whoever calls `apply`. */
  crash(): ShardReplica {
    return new ShardReplica(this.#id, this.world.crash());
  }

  read(spec: CommandSpec, at: number, args: readonly Uint8Array[] = []): { reply: Reply; undecided: boolean } {
    const request = { spec, slot: slot(at) } as Request;
    return this.world.get((done) =>
      this.reads.read(request, args, this.clockMs, (reply, undecided) => done({ reply, undecided })),
    );
  }

  page(at: number, request: Partial<KeyPageRequest> = {}): KeyPageReply & { readonly texts: string[] } {
    const whole: KeyPageRequest = { place: 0, toSlot: slot(16383), keysMax: 10, pattern: undefined, ...request };
    const page = decodeKeyPageReply(this.read(KEY_PAGE, at, encodeKeyPageRequest(whole)).reply);
    if (page === undefined) throw new Error("no page of keys");
    return { ...page, texts: page.keys.map((key) => Buffer.from(key).toString("latin1")) };
  }

  /** Every key, page by page. */
  keys(keysMax = 1_000): string[] {
    const found: string[] = [];
    for (let at = { slot: slot(0), place: 0 }; ; ) {
      const page = this.page(at.slot, { place: at.place, keysMax });
      found.push(...page.texts);
      if (page.next === undefined) return found;
      at = page.next;
    }
  }
}
