import fc from "fast-check";
import { expect, test } from "vitest";
import {
  ByteWriter,
  bootCounter,
  clusterId,
  crc32,
  directoryId,
  NODES_MAX,
  nodeId,
  SherdError,
} from "../base/index.ts";
import type { NodeInfo } from "../meta/index.ts";
import { Book, PEERS_FILE } from "./book.ts";
import {
  FRAME_GOSSIP,
  type Hello,
  MalformedPeerBytes,
  PING_BODY,
  PONG_BODY,
  type Refusal,
  readGossip,
  readHello,
  readRefusal,
  writeHello,
  writeNodes,
  writePreamble,
  writeRefusal,
} from "./codec.ts";
import { beginFrame, endFrame, FrameQueue } from "./frames.ts";
import { addresses, testEnv } from "./testing/cluster.ts";

const env = testEnv(
  () => 0,
  () => undefined,
);

const node: NodeInfo = {
  id: nodeId("0123456789abcdef0123456789abcdef01234567"),
  name: "node-1",
  addresses: addresses("10.0.0.1:7100"),
  bootCounter: bootCounter(0x1_0000_0002),
  directory: directoryId("d".repeat(40)),
};
const planned: NodeInfo = {
  ...node,
  id: nodeId("2".repeat(40)),
  name: "knoten-é",
  directory: undefined,
  bootCounter: bootCounter(0),
};
const hello: Hello = {
  cluster: clusterId("c".repeat(40)),
  expected: planned.id,
  sender: { ...node, directory: directoryId("d".repeat(40)) },
  gossip: [planned],
};
const refusal: Refusal = {
  code: "SHERD_DATA_EMPTIED",
  cluster: hello.cluster,
  node: node.id,
  detail: "why",
};

function frame(write: (out: ByteWriter) => void): Uint8Array {
  const out = new ByteWriter();
  const start = beginFrame(out);
  write(out);
  endFrame(out, start, env);
  return out.copy();
}

function lines(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString("hex");
  return `${(hex.match(/.{1,64}/g) ?? []).join("\n")}\n`;
}

const gossipBody = (out: ByteWriter): void => {
  out.u8(FRAME_GOSSIP);
  writeNodes(out, [node, planned]);
};

/** The bytes of version 1. A difference is a new version of the protocol or of the file, never an update of these. */
test("golden bytes", async () => {
  const preamble = new ByteWriter();
  writePreamble(preamble);
  const queue = new FrameQueue(env);
  queue.push(new TextEncoder().encode("first"));
  queue.push(new TextEncoder().encode(""));
  let messages = new Uint8Array();
  queue.pump({
    writeFrame: (bytes) => {
      messages = bytes.slice();
      return true;
    },
  });
  const golden = {
    preamble: preamble.copy(),
    hello: frame((out) => writeHello(out, hello)),
    refusal: frame((out) => writeRefusal(out, refusal)),
    messages,
    gossip: frame(gossipBody),
    ping: frame((out) => out.bytes(PING_BODY)),
    pong: frame((out) => out.bytes(PONG_BODY)),
    "peers-file": peersFile(),
  };
  for (const [name, bytes] of Object.entries(golden)) {
    await expect(lines(bytes)).toMatchFileSnapshot(`golden/${name}.hex`);
  }
});

const self = {
  nodeId: nodeId("9".repeat(40)),
  clusterId: hello.cluster,
  directoryId: directoryId("8".repeat(40)),
  bootCounter: bootCounter(1),
  name: "self",
  addresses: addresses("10.0.0.9:7100"),
};

function peersFile(): Uint8Array {
  let file = new Uint8Array();
  const disk = {
    readFile: (): undefined => undefined,
    writeFile: (_path: string, bytes: Uint8Array): void => {
      file = bytes.slice();
    },
  };
  const book = new Book(env, disk, self, () => false);
  book.learn(planned);
  book.meet(node);
  return file;
}

function open(file: Uint8Array): Book {
  const disk = {
    readFile: (path: string): Uint8Array | undefined => (path === PEERS_FILE ? file : undefined),
    writeFile: (): void => undefined,
  };
  return new Book(env, disk, self, () => false);
}

test("what was written is read", () => {
  const body = (write: (out: ByteWriter) => void): Uint8Array => frame(write).subarray(9);
  expect(readHello(body((out) => writeHello(out, hello)))).toEqual(hello);
  const probe = { ...hello, expected: undefined, gossip: [] };
  expect(readHello(body((out) => writeHello(out, probe)))).toEqual(probe);
  expect(readRefusal(body((out) => writeRefusal(out, refusal)))).toEqual(refusal);
  expect(readGossip(body(gossipBody))).toEqual([node, planned]);
  expect([...open(peersFile()).nodes.values()]).toEqual([planned, node]);
});

test("every truncation and every changed byte is malformed or another value, never anything else", () => {
  const whole = frame((out) => writeHello(out, hello)).subarray(9);
  for (let length = 0; length < whole.length; length += 1) {
    expect(() => readHello(whole.slice(0, length))).toThrow(MalformedPeerBytes);
  }
  expect(() => readHello(new Uint8Array([...whole, 0]))).toThrow(MalformedPeerBytes);
  const readers = [readHello, readGossip, readRefusal];
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(2), (at, byte, which) => {
      const changed = whole.slice();
      changed[at] = byte;
      try {
        readers[which]?.(changed);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedPeerBytes);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("a boot counter beyond 2^53 is malformed, not a broken invariant", () => {
  const out = new ByteWriter();
  writeNodes(out, [node]);
  const bytes = out.copy();
  bytes.fill(0xff, 2 + 40, 2 + 48);
  expect(() => readGossip(bytes)).toThrow(/2\^53/);
});

test("a host is a name or an IP address", () => {
  const bad = { ...node, addresses: { ...node.addresses, host: "a b\n" } };
  const out = new ByteWriter();
  writeNodes(out, [bad]);
  expect(() => readGossip(out.copy())).toThrow(/neither a name nor an IP address/);
});

test("the file of known peers: damage, another version and another cluster are refused", () => {
  const file = peersFile();
  const code = (bytes: Uint8Array): string => {
    try {
      open(bytes);
    } catch (error) {
      return error instanceof SherdError ? error.code : String(error);
    }
    return "opened";
  };
  expect(code(file)).toBe("opened");
  for (let at = 0; at < file.length; at += 1) {
    const damaged = file.slice();
    damaged[at] = (damaged[at] as number) ^ 0x10;
    expect(code(damaged)).toBe(at >= 8 && at < 12 ? "SHERD_DATA_FORMAT" : "SHERD_PEERS_DAMAGED");
    expect(code(file.slice(0, at))).toBe("SHERD_PEERS_DAMAGED");
  }
  const other = file.slice();
  other[16] = 0xaa;
  new DataView(other.buffer).setUint32(12, crc32(other.subarray(16)), true);
  expect(code(other)).toBe("SHERD_DATA_OTHER_CLUSTER");
});

test("a full book forgets nodes that are neither members nor connected, and never others", () => {
  const named = (i: number): NodeInfo => ({ ...planned, id: nodeId(i.toString(16).padStart(40, "0")) });
  const disk = { readFile: (): undefined => undefined, writeFile: (): void => undefined };
  const pinned = new Set(Array.from({ length: NODES_MAX - 1 }, (_, i) => named(i).id));
  const book = new Book(env, disk, self, (id) => pinned.has(id));
  for (let i = 0; i < NODES_MAX; i += 1) expect(book.learn(named(i))).toBe("news");
  expect(book.learn(named(1_000))).toBe("news");
  expect(book.nodes.size).toBe(NODES_MAX);
  expect(book.get(named(NODES_MAX - 1).id)).toBeUndefined();
  for (const id of pinned) expect(book.get(id)).toBeDefined();
  pinned.add(named(1_000).id);
  expect(book.learn(named(2_000))).toBe("nothing");
  expect(book.nodes.size).toBe(NODES_MAX);
});
