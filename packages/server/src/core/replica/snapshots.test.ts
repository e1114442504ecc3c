import { beforeEach, describe, expect, test } from "vitest";
import {
  type Index,
  index,
  observeMarks,
  type ReplicaId,
  replicaId,
  SNAPSHOT_ASK_TICKS,
  SNAPSHOT_BACK_OFF_TICKS_MAX,
  SNAPSHOT_BACK_OFF_TICKS_MIN,
  SNAPSHOT_SIGN_TICKS,
  SNAPSHOT_STALL_TICKS,
  SNAPSHOT_WORK_TICKS_MAX,
  term,
} from "../base/index.ts";
import type { AppliedState } from "../machine/index.ts";
import type { SnapshotReader, Stage } from "../store/index.ts";
import type { Replica } from "./replica.ts";
import { SnapshotTransfers } from "./snapshots.ts";
import { decodeTransfer, encodeTransfer, type TransferMessage } from "./transfer-codec.ts";
import type { ReplicaHost } from "./types.ts";

const US = replicaId(1);
const PEER = replicaId(2);

/** A replica's transfers, with everything around them recorded: messages out, flushes, pins, reports to the core. */
class World {
  readonly sent: TransferMessage[] = [];
  readonly reports: boolean[] = [];
  readonly provided: Index[] = [];
  /** Snapshots opened and not yet answered: each costs a flush. */
  readonly opening: ((reader: SnapshotReader) => void)[] = [];
  readonly stages: { dropped: boolean }[] = [];
  /** Chunks that are not durable yet. */
  readonly adding: ((sound: boolean) => void)[] = [];
  opened = 0;
  closed = 0;
  pinned: Index | undefined;
  matched = 0;
  last = 100;
  busy = false;
  readonly replica = {
    group: 1,
    durable: index(40),
    space: {},
    stopped: undefined as unknown,
    leads: true,
    replaceSpace: () => {},
  };
  /** Ends the switch to the rows of a snapshot. */
  committed: (() => void) | undefined;
  readonly transfers: SnapshotTransfers;

  constructor() {
    this.transfers = new SnapshotTransfers(this.#host(), this.replica as unknown as Replica);
    this.transfers.frozen({ index: index(50), term: term(3), confState: {} } as unknown as AppliedState);
  }

  #host(): ReplicaHost {
    let number = 0;
    const host = {
      nextNumber: () => (number += 1),
      wake: () => {},
      env: { log: () => {} },
      log: {
        last: () => index(this.last),
        pin: (_: unknown, from: Index | undefined) => {
          this.pinned = from;
        },
      },
      raft: {
        reportSnapshot: (_: unknown, __: unknown, arrived: boolean) => this.reports.push(arrived),
        provideSnapshot: (_: unknown, __: unknown, at: Index) => this.provided.push(at),
        progress: () => [{ peer: PEER, matched: index(this.matched) }],
        stepSnapshot: () => {},
      },
      store: {
        openSnapshot: (_: unknown, done: (reader: SnapshotReader) => void) => {
          this.opened += 1;
          this.opening.push(done);
        },
        stage: (_: unknown, done: (stage: Stage) => void) => {
          const stage = { dropped: false };
          this.stages.push(stage);
          done({
            space: { appliedIndex: index(50) },
            add: (_: unknown, sound: (is: boolean) => void) => this.adding.push(sound),
            commit: (ready: () => void) => (this.committed = ready),
            drop: () => (stage.dropped = true),
          } as unknown as Stage);
        },
      },
      sendTransfer: (_: unknown, __: ReplicaId, bytes: Uint8Array) => this.sent.push(decodeTransfer(bytes)),
      claimTransfer: () => !this.busy,
      releaseTransfer: () => {},
    };
    return host as unknown as ReplicaHost;
  }

  hear(message: TransferMessage, from: ReplicaId = PEER): void {
    this.transfers.receive(from, encodeTransfer(message));
  }

  /** The peer answers what it was sent last. */
  answer(type: "granted" | "refused" | "staged" | "installed"): void {
    this.hear({ type, id: this.sent.at(-1)?.id as number });
  }

  /** The flush is done: an empty snapshot at index 50. */
  opens(): void {
    const reader = { applied: index(50), next: (done: (chunk: undefined) => void) => done(undefined) };
    this.opening.shift()?.({ ...reader, close: () => (this.closed += 1) } as unknown as SnapshotReader);
  }

  tick(times = 1): void {
    for (let at = 0; at < times; at += 1) this.transfers.tick();
  }

  count(type: TransferMessage["type"]): number {
    return this.sent.filter((message) => message.type === type).length;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
});

describe("sending", () => {
  test("a busy receiver costs its sender no flush: it is asked first, and the snapshot opened when it has said yes", () => {
    world.transfers.send(PEER);
    expect(world.sent.map(({ type }) => type)).toEqual(["ask"]);
    expect(world.opened).toBe(0);
    world.answer("refused");
    world.tick(SNAPSHOT_BACK_OFF_TICKS_MIN);
    world.transfers.send(PEER);
    world.answer("granted");
    world.answer("granted");
    expect(world.opened).toBe(1);
    world.opens();
    expect(world.sent.at(-1)).toMatchObject({ type: "end", chunks: 0 });
  });

  test("a receiver that refuses is asked again after waits that double, up to a limit, however often the core asks", () => {
    const asked: number[] = [];
    for (let tick = 0; tick < 10 * SNAPSHOT_BACK_OFF_TICKS_MAX; tick += 1) {
      world.transfers.send(PEER);
      if (world.count("ask") > asked.length) {
        asked.push(tick);
        world.answer("refused");
      }
      world.tick();
    }
    const waits = asked.slice(1).map((tick, at) => tick - (asked[at] as number));
    expect(waits.slice(0, 4)).toEqual([1, 2, 4, 8].map((times) => times * SNAPSHOT_BACK_OFF_TICKS_MIN));
    expect(Math.max(...waits)).toBe(SNAPSHOT_BACK_OFF_TICKS_MAX);
    expect(world.opened).toBe(0);
  });

  test("a receiver that took one is not waited for the next time", () => {
    world.transfers.send(PEER);
    world.answer("refused");
    world.tick(SNAPSHOT_BACK_OFF_TICKS_MIN);
    for (const installs of [1, 2]) {
      world.transfers.send(PEER);
      world.answer("granted");
      world.opens();
      world.answer("staged");
      expect(world.provided).toHaveLength(installs);
      world.answer("installed");
      expect(world.reports.at(-1)).toBe(true);
    }
    expect(world.closed).toBe(2);
  });

  test("a receiver that says nothing is given up soon, and told so", () => {
    world.transfers.send(PEER);
    world.tick(SNAPSHOT_ASK_TICKS);
    expect(world.sent.map(({ type }) => type)).toEqual(["ask", "cancelled"]);
    world.transfers.send(PEER);
    expect(world.count("ask")).toBe(1);
  });

  test("a replica that has stopped begins none: it would keep the node's turn, and never give it back", () => {
    world.replica.stopped = new Error("damaged");
    world.transfers.send(PEER);
    expect(world.sent).toEqual([]);
  });

  test("a flush may take long: the receiver is told that its sender is there, and its own time begins behind it", () => {
    world.transfers.send(PEER);
    world.answer("granted");
    world.tick(3 * SNAPSHOT_STALL_TICKS);
    expect(world.count("alive")).toBe(Math.floor((3 * SNAPSHOT_STALL_TICKS) / SNAPSHOT_SIGN_TICKS));
    expect(world.count("cancelled")).toBe(0);
    world.opens();
    world.tick(SNAPSHOT_STALL_TICKS - 1);
    expect(world.count("cancelled")).toBe(0);
    world.tick();
    expect(world.count("cancelled")).toBe(1);
  });

  test("a flush that never ends is given up at last, with the entries that it pinned", () => {
    world.transfers.send(PEER);
    world.answer("granted");
    world.tick(SNAPSHOT_WORK_TICKS_MAX - 1);
    expect(world.count("cancelled")).toBe(0);
    world.tick();
    expect(world.count("cancelled")).toBe(1);
    expect(world.pinned).toBeUndefined();
  });

  test("a MsgSnapshot that comes when its transfer has been given up is reported as failed", () => {
    const seen: string[] = [];
    observeMarks((name) => seen.push(name));
    world.transfers.send(PEER);
    world.answer("granted");
    world.opens();
    world.answer("staged");
    world.tick(SNAPSHOT_STALL_TICKS);
    expect(world.reports).toEqual([false]);
    // The core was waiting for a sign of the peer before it used what it was given.
    world.transfers.sendInstall(PEER, new Uint8Array(1));
    observeMarks(undefined);
    expect(world.reports).toEqual([false, false]);
    expect(world.count("install")).toBe(0);
    expect(seen).toContain("snapshot: install without its transfer");
  });

  test("a snapshot whose flush ends after its sender has given up is closed", () => {
    world.transfers.send(PEER);
    world.answer("granted");
    world.transfers.stopSending();
    world.opens();
    expect(world.closed).toBe(1);
    expect(world.sent.at(-1)?.type).toBe("cancelled");
  });
});

describe("the entries behind a snapshot", () => {
  test("are pinned from before it is opened until the peer has caught up with what was there when it installed it", () => {
    world.transfers.send(PEER);
    expect(world.pinned).toBeUndefined();
    world.answer("granted");
    expect(world.pinned).toBe(41);
    world.opens();
    expect(world.pinned).toBe(51);
    world.answer("staged");
    world.last = 200;
    world.answer("installed");
    world.tick();
    expect(world.pinned).toBe(51);
    world.matched = 150;
    world.last = 300;
    world.tick();
    expect(world.pinned).toBe(151);
    world.matched = 200;
    world.tick();
    expect(world.pinned).toBeUndefined();
  });

  test("are not held by a receiver that is stuck: neither before it has installed the snapshot nor behind it", () => {
    world.transfers.send(PEER);
    world.answer("granted");
    world.opens();
    world.tick(SNAPSHOT_STALL_TICKS - 1);
    expect(world.pinned).toBe(51);
    world.tick();
    expect(world.pinned).toBeUndefined();
    world.tick(SNAPSHOT_BACK_OFF_TICKS_MIN);
    world.transfers.send(PEER);
    world.answer("granted");
    world.opens();
    world.answer("staged");
    world.answer("installed");
    world.tick(SNAPSHOT_STALL_TICKS - 1);
    expect(world.pinned).toBe(51);
    world.tick();
    expect(world.pinned).toBeUndefined();
  });

  test("are let go with the leadership", () => {
    world.transfers.send(PEER);
    world.answer("granted");
    world.opens();
    world.transfers.stopSending();
    expect(world.pinned).toBeUndefined();
  });
});

describe("receiving", () => {
  test("a node that receives another snapshot refuses, and stages nothing", () => {
    world.busy = true;
    world.hear({ type: "ask", id: 7 });
    expect(world.sent).toEqual([{ type: "refused", id: 7 }]);
    expect(world.stages).toEqual([]);
  });

  test("a question that arrives twice begins one transfer; one of a new leader takes its place", () => {
    world.hear({ type: "ask", id: 7 });
    world.hear({ type: "ask", id: 7 });
    expect(world.sent).toEqual([{ type: "granted", id: 7 }]);
    world.hear({ type: "ask", id: 8 }, US);
    expect(world.stages.map(({ dropped }) => dropped)).toEqual([true, false]);
    expect(world.sent.slice(1)).toEqual([
      { type: "refused", id: 7 },
      { type: "granted", id: 8 },
    ]);
  });

  test("a sender that gives up frees its receiver at once", () => {
    world.hear({ type: "ask", id: 7 });
    world.hear({ type: "cancelled", id: 6 });
    expect(world.stages).toEqual([{ dropped: false }]);
    world.hear({ type: "cancelled", id: 7 });
    expect(world.stages).toEqual([{ dropped: true }]);
    world.hear({ type: "ask", id: 8 });
    expect(world.count("granted")).toBe(2);
  });

  test("rows may take long to be written, and to be switched in: the sender is told that the receiver is there", () => {
    const slow = 3 * SNAPSHOT_STALL_TICKS;
    world.hear({ type: "ask", id: 7 });
    world.hear({ type: "chunk", id: 7, sequence: 0, bytes: new Uint8Array(1) });
    world.tick(slow);
    expect(world.count("alive")).toBe(Math.floor(slow / SNAPSHOT_SIGN_TICKS));
    expect(world.count("refused")).toBe(0);
    world.adding.shift()?.(true);
    world.hear({ type: "end", id: 7, chunks: 1 });
    world.hear({ type: "install", id: 7, message: new Uint8Array(1) });
    world.transfers.install(index(50), () => {});
    world.tick(slow);
    expect(world.count("alive")).toBe(2 * Math.floor(slow / SNAPSHOT_SIGN_TICKS));
    world.committed?.();
    expect(world.sent.at(-1)).toEqual({ type: "installed", id: 7 });
  });

  test("a sender that works says so, and one that falls silent is given up", () => {
    world.hear({ type: "ask", id: 7 });
    world.tick(SNAPSHOT_STALL_TICKS - 1);
    world.hear({ type: "alive", id: 7 });
    world.tick(SNAPSHOT_STALL_TICKS - 1);
    expect(world.count("refused")).toBe(0);
    world.tick();
    expect(world.count("refused")).toBe(1);
  });

  test("an engine that never writes does not keep the node's turn for ever", () => {
    world.hear({ type: "ask", id: 7 });
    world.hear({ type: "chunk", id: 7, sequence: 0, bytes: new Uint8Array(1) });
    world.tick(SNAPSHOT_WORK_TICKS_MAX);
    expect(world.stages).toEqual([{ dropped: true }]);
  });

  test("once the core has the snapshot, nothing that its sender says takes the rows away", () => {
    const late: TransferMessage[] = [
      { type: "chunk", id: 7, sequence: 0, bytes: new Uint8Array(1) },
      { type: "end", id: 7, chunks: 9 },
      { type: "install", id: 7, message: new Uint8Array(1) },
      { type: "cancelled", id: 7 },
    ];
    world.hear({ type: "ask", id: 7 });
    world.hear({ type: "end", id: 7, chunks: 0 });
    world.hear({ type: "install", id: 7, message: new Uint8Array(1) });
    for (const message of late) world.hear(message);
    expect(world.stages).toEqual([{ dropped: false }]);
    let installed = false;
    world.transfers.install(index(50), () => (installed = true));
    for (const message of late) world.hear(message);
    expect(world.transfers.installing).toBe(true);
    world.committed?.();
    expect(installed).toBe(true);
    expect(world.transfers.installing).toBe(false);
    expect(world.sent.at(-1)).toEqual({ type: "installed", id: 7 });
  });
});
