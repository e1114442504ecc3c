import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ByteWriter,
  bootCounter,
  type ClusterId,
  clusterId,
  crc32,
  directoryId,
  nodeId,
  PEER_HANDSHAKES_MAX,
} from "../base/index.ts";
import type { CloseReason, Connection, Network } from "../env/index.ts";
import { FRAME_HELLO, writeHello, writePreamble, writeRefusal } from "./codec.ts";
import { beginFrame, endFrame } from "./frames.ts";
import { addresses, hex, TestCluster, type TestNode } from "./testing/cluster.ts";

/** Whoever connects to a node's peer port and writes what it likes. */
class Attacker {
  readonly #network: Network;
  readonly #cluster: TestCluster;
  connection: Connection | undefined;
  received = 0;
  closed: CloseReason | undefined;

  constructor(cluster: TestCluster, at = "evil:1") {
    this.#cluster = cluster;
    this.#network = cluster.world.bind(at.split(":")[0] as string, Number(at.split(":")[1]));
  }

  connect(to: TestNode): void {
    const [host, port] = to.at.split(":") as [string, string];
    this.closed = undefined;
    this.received = 0;
    this.connection = this.#network.dial(host, Number(port), {
      onOpen: () => undefined,
      onData: (bytes) => {
        this.received += bytes.length;
      },
      onDrain: () => undefined,
      onClose: (reason) => {
        this.closed = reason;
      },
    });
    this.#cluster.world.run();
  }

  write(bytes: Uint8Array): void {
    if (this.closed === undefined) this.connection?.write(bytes);
    this.#cluster.world.run();
  }
}

function pair(): { cluster: TestCluster; a: TestNode; b: TestNode; attacker: Attacker } {
  const cluster = new TestCluster(3);
  const a = cluster.node("a", "hostA:1");
  const b = cluster.node("b", "hostB:1");
  const plan = [a.planned(), b.planned()];
  a.start(plan);
  b.start(plan);
  cluster.pass(500);
  return { cluster, a, b, attacker: new Attacker(cluster) };
}

/** A valid greeting, as a member that A has not met yet would say it. */
function greeting(a: TestNode): Uint8Array {
  const out = new ByteWriter();
  writePreamble(out);
  const start = beginFrame(out);
  writeHello(out, {
    cluster: a.clusterId,
    expected: a.id,
    sender: {
      id: nodeId(hex("evil")),
      name: "evil",
      addresses: addresses("evil:1"),
      bootCounter: bootCounter(1),
      directory: directoryId(hex("evil dir")),
    },
    gossip: [],
  });
  endFrame(out, start, { checksum: crc32 });
  return out.copy();
}

function frameOf(body: Uint8Array): Uint8Array {
  const out = new ByteWriter();
  const start = beginFrame(out);
  out.bytes(body);
  endFrame(out, start, { checksum: crc32 });
  return out.copy();
}

function expectUnharmed(cluster: TestCluster, a: TestNode, b: TestNode): void {
  expect(a.isUp(b) && b.isUp(a)).toBe(true);
  const before = b.messages.length;
  a.send(b, new Uint8Array([1]));
  a.flush();
  cluster.world.run();
  expect(b.messages.length).toBe(before + 1);
}

test("random bytes close their connection and nothing else", () => {
  const { cluster, a, b, attacker } = pair();
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 12, maxLength: 400 }), (bytes) => {
      attacker.connect(a);
      attacker.write(bytes);
      expect(attacker.closed).toBe("ended");
    }),
    { numRuns: 200 },
  );
  expect(a.logs.some((line) => line.includes("SHERD_PEER_FRAME"))).toBe(true);
  expect(a.messages).toEqual([]);
  expectUnharmed(cluster, a, b);
});

test("another version is told this node's version, and both say so", () => {
  const { cluster, a, b, attacker } = pair();
  attacker.connect(a);
  attacker.write(new Uint8Array([...new TextEncoder().encode("SHERDPR\n"), 2, 0, 0, 0]));
  expect(attacker.closed).toBe("ended");
  expect(attacker.received).toBe(12);
  expect(a.logs.some((line) => line.includes("SHERD_PEER_VERSION"))).toBe(true);
  expectUnharmed(cluster, a, b);
});

test("frames with valid checksums and wrong contents, before and after a valid greeting", () => {
  const { cluster, a, b, attacker } = pair();
  const kinds = fc.integer({ min: 0, max: 8 });
  const bodies = fc.array(fc.tuple(kinds, fc.uint8Array({ maxLength: 80 })), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.boolean(), bodies, (greeted, frames) => {
      attacker.connect(a);
      const hello = greeting(a);
      attacker.write(greeted ? hello : hello.slice(0, 12));
      for (const [kind, rest] of frames) attacker.write(frameOf(new Uint8Array([kind, ...rest])));
      attacker.connection?.close();
      cluster.world.run();
    }),
    { numRuns: 300 },
  );
  expect(a.events.some((event) => event.startsWith("refused"))).toBe(false);
  expectUnharmed(cluster, a, b);
});

test("a valid greeting with any bytes changed, or cut anywhere", () => {
  const { cluster, a, b, attacker } = pair();
  const hello = greeting(a);
  fc.assert(
    fc.property(
      fc.nat(hello.length - 1),
      fc.uint8Array({ minLength: 1, maxLength: 4 }),
      fc.boolean(),
      (at, by, cut) => {
        attacker.connect(a);
        const changed = hello.slice(0, cut ? at : hello.length);
        if (!cut) changed.set(by.subarray(0, hello.length - at), at);
        attacker.write(changed);
        attacker.connection?.close();
        cluster.world.run();
      },
    ),
    { numRuns: 300 },
  );
  expectUnharmed(cluster, a, b);
});

test("a second greeting, a message before it, and a huge length close the connection", () => {
  const { cluster, a, b, attacker } = pair();
  const hello = greeting(a);
  const huge = new Uint8Array([0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 1]);
  const beginnings: [string, Uint8Array[]][] = [
    ["second greeting", [hello, frameOf(hello.slice(20))]],
    ["message first", [hello.slice(0, 12), frameOf(new Uint8Array([3, 1, 0, 0, 0, 7]))]],
    ["huge before", [hello.slice(0, 12), huge]],
    ["huge after", [hello, huge]],
    ["greeting too long", [hello.slice(0, 12), frameOf(new Uint8Array(300_000).fill(FRAME_HELLO))]],
  ];
  for (const [what, writes] of beginnings) {
    attacker.connect(a);
    for (const bytes of writes) attacker.write(bytes);
    expect([what, attacker.closed]).toEqual([what, "ended"]);
  }
  expect(a.messages).toEqual([]);
  expectUnharmed(cluster, a, b);
});

test("a second connection of a node replaces the first", () => {
  const { cluster, a, b } = pair();
  const [first, second] = [new Attacker(cluster, "evil:7"), new Attacker(cluster, "evil:8")];
  first.connect(a);
  first.write(greeting(a));
  second.connect(a);
  expect(first.closed).toBeUndefined();
  second.write(greeting(a));
  expect(first.closed).toBe("ended");
  expect(second.closed).toBeUndefined();
  second.write(frameOf(new Uint8Array([3, 1, 0, 0, 0, 7])));
  expect(a.messages).toHaveLength(1);
  expectUnharmed(cluster, a, b);
});

test("a refusal ends a node only when it comes from its own cluster", () => {
  const { cluster, a, b, attacker } = pair();
  const refusal = (cluster: ClusterId): Uint8Array => {
    const out = new ByteWriter();
    writeRefusal(out, { code: "SHERD_DATA_EMPTIED", cluster, node: b.id, detail: "" });
    return frameOf(out.copy());
  };
  attacker.connect(a);
  attacker.write(greeting(a).slice(0, 12));
  attacker.write(refusal(clusterId(hex("other"))));
  expect(attacker.closed).toBe("ended");
  expectUnharmed(cluster, a, b);
  attacker.connect(a);
  attacker.write(greeting(a).slice(0, 12));
  attacker.write(refusal(a.clusterId));
  expect(a.events.at(-1)).toBe("refused SHERD_DATA_EMPTIED");
});

test("connections that say nothing are bounded in number and in time", () => {
  const { cluster, a, b, attacker } = pair();
  const silent: Attacker[] = [attacker];
  for (let i = 2; i <= PEER_HANDSHAKES_MAX + 20; i += 1) silent.push(new Attacker(cluster, `evil:${i}`));
  for (const each of silent) each.connect(a);
  const open = (): number => silent.filter((each) => each.closed === undefined).length;
  expect(open()).toBe(PEER_HANDSHAKES_MAX);
  cluster.pass(3_000);
  expect(open()).toBe(0);
  expectUnharmed(cluster, a, b);
});
