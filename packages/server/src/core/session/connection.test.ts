import fc from "fast-check";
import { expect, test } from "vitest";
import {
  CONNECTION_INFLIGHT_MAX,
  CONNECTION_OUTPUT_BYTES_MAX,
  CONNECTION_OUTPUT_BYTES_PAUSE,
  CONNECTIONS_MAX,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import { Connections } from "./connections.ts";
import { FakeClient, type Shown, testFacts } from "./testing/fake-client.ts";
import { FakeNode, type FakeNodeOptions } from "./testing/fake-node.ts";

interface World {
  readonly node: FakeNode;
  readonly connections: Connections;
  readonly client: FakeClient;
}

function world(options: FakeNodeOptions = {}, redirect = false): World {
  const node = new FakeNode(options);
  const connections = new Connections(node, testFacts);
  return { node, connections, client: new FakeClient(connections, redirect) };
}

const manual = { manual: true } as const;

test("a client puts, gets and deletes", () => {
  const { client } = world();
  expect(client.ask("SET", "k", "v")).toBe("OK");
  expect(client.ask("get", "k")).toBe("v");
  expect(client.ask("EXISTS", "{k}1", "{k}2", "k")).toBe(1);
  expect(client.ask("DEL", "k", "k")).toBe(1);
  expect(client.ask("Get", "k")).toBeNull();
});

test("replies leave in the order of the commands, whatever order they are answered in", () => {
  const { node, client } = world(manual);
  node.rows.set("a", { kind: 1, expiresAtMs: 0, version: 1, payload: Buffer.from("1") });
  client.pipeline(["GET", "a"], ["NOSUCH", "x"], ["GET", "b"], ["EXISTS", "a"]);
  node.answer(2);
  node.answer(1);
  node.pass();
  expect(client.take()).toEqual([]);
  node.answer(0);
  node.pass();
  expect(client.take()).toEqual(["1", "-ERR unknown command 'NOSUCH', with args beginning with: 'x' ", null, 1]);
});

test("all replies of a pass leave in one write", () => {
  const { node, client } = world(manual);
  client.pipeline(...Array.from({ length: 100 }, (_, n) => ["GET", `k${n}`]));
  node.answerAll();
  expect(client.writes).toBe(0);
  node.pass();
  expect(client.writes).toBe(1);
  expect(client.take()).toHaveLength(100);
});

test("a read waits for the connection's open writes to its shard, a write for its open reads", () => {
  const { node, client } = world(manual);
  client.pipeline(["SET", "k", "1"], ["SET", "k", "2"], ["GET", "k"], ["GET", "k"], ["SET", "k", "3"], ["GET", "k"]);
  expect(node.executed).toEqual(["set", "set"]);
  node.answer();
  node.pass();
  expect(node.executed).toEqual(["set", "set"]);
  node.answer();
  node.pass();
  expect(node.executed).toEqual(["set", "set", "get", "get"]);
  node.answerAll();
  node.pass();
  expect(node.executed).toEqual(["set", "set", "get", "get", "set"]);
  node.answerAll();
  node.pass();
  node.answerAll();
  node.pass();
  expect(client.take()).toEqual(["OK", "OK", "2", "2", "OK", "3"]);
});

test("another shard, and another connection, do not have to wait", () => {
  const { node, client, connections } = world({ ...manual, shards: 2 });
  // "foo" is in slot 12182, "bar" in slot 5061.
  client.pipeline(["SET", "foo", "1"], ["GET", "bar"], ["GET", "foo"], ["GET", "bar"]);
  expect(node.executed).toEqual(["set", "get"]);
  new FakeClient(connections).send("GET", "foo");
  expect(node.executed).toEqual(["set", "get", "get"]);
});

test("whatever is pipelined and however it is answered: order per shard holds and every reply comes", () => {
  const command = fc.record({ write: fc.boolean(), key: fc.constantFrom("foo", "bar", "baz") });
  fc.assert(
    fc.property(fc.array(command, { maxLength: 30 }), fc.array(fc.nat(), { maxLength: 200 }), (commands, choices) => {
      const { node, client } = world({ ...manual, shards: 2 });
      const expected: Shown[] = [];
      const model = new Map<string, string>();
      const wire = commands.map(({ write, key }, n) => {
        if (!write) expected.push(model.get(key) ?? null);
        else {
          model.set(key, `v${n}`);
          expected.push("OK");
        }
        return write ? ["SET", key, `v${n}`] : ["GET", key];
      });
      if (wire.length > 0) client.pipeline(...wire);
      for (let turn = 0; node.waiting.length > 0; turn += 1) {
        const open = node.waiting.map(({ spec, slot }) => `${spec.name} ${node.shardOf(slot)}`);
        for (const group of [1, 2]) {
          expect(open.includes(`get ${group}`) && open.includes(`set ${group}`)).toBe(false);
        }
        // Writes of a shard are applied in the order given; anything else may overtake.
        const choice = (choices[turn] ?? 0) % node.waiting.length;
        const chosen = node.waiting[choice] as (typeof node.waiting)[number];
        const group = node.shardOf(chosen.slot);
        node.answer(node.waiting.findIndex(({ spec, slot }) => spec === chosen.spec && node.shardOf(slot) === group));
        if (turn % 3 === 0) node.pass();
      }
      for (let left = 0; left <= wire.length; left += 1) {
        node.pass();
        node.answerAll();
      }
      node.pass();
      expect(client.take()).toEqual(expected);
    }),
  );
});

const row = (value: string) => ({ kind: 1, expiresAtMs: 0, version: 1, payload: Buffer.from(value) }) as const;

test("two pipelined reads keep their order when the first is tried again: the second is read again after it", () => {
  const { node, client } = world(manual);
  node.rows.set("k", row("old"));
  client.pipeline(["GET", "k"], ["GET", "k"], ["GET", "k"]);
  const [first] = node.waiting;
  // The second has its answer; the third is under way, and may be answered with the old state at any moment.
  node.answer(1);
  first!.retried!();
  node.rows.set("k", row("new"));
  node.answer(0);
  node.rows.set("k", row("old"));
  node.answer(0);
  node.rows.set("k", row("newer"));
  node.pass();
  expect(client.take()).toEqual(["new"]);
  expect(node.executed).toHaveLength(5);
  node.answerAll();
  node.pass();
  expect(client.take()).toEqual(["newer", "newer"]);
});

test("a write waits for an earlier read that is read again; other shards' reads do not", () => {
  const { node, client } = world({ ...manual, shards: 2 });
  node.rows.set("foo", row("old"));
  client.pipeline(["GET", "foo"], ["GET", "bar"], ["GET", "foo"], ["SET", "foo", "mine"], ["GET", "foo"]);
  node.waiting[0]!.retried!();
  node.answerAll();
  node.pass();
  // "bar" has not been read a second time.
  expect(node.executed).toEqual(["get", "get", "get", "get"]);
  node.answerAll();
  node.pass();
  expect(node.executed.at(-1)).toBe("set");
  node.answerAll();
  node.pass();
  node.answerAll();
  node.pass();
  expect(client.take()).toEqual(["old", null, "old", "OK", "mine"]);
});

test("an error is no older than any state: a read that was overtaken and got one keeps it", () => {
  const { node, client } = world(manual);
  client.pipeline(["GET", "k"], ["GET", "k"]);
  node.waiting[0]!.retried!();
  node.reply = () => ({ type: "error", kind: "CLUSTERDOWN", text: "The shard has no leader" });
  node.answerAll();
  node.pass();
  expect(client.take()).toEqual(["-CLUSTERDOWN The shard has no leader", "-CLUSTERDOWN The shard has no leader"]);
});

test("whatever is tried again, pipelined reads of a shard never see the past of one before them", () => {
  const steps = fc.array(fc.record({ retry: fc.boolean(), at: fc.nat(), pass: fc.boolean() }), { maxLength: 60 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), steps, (reads, choices) => {
      const { node, client } = world(manual);
      client.pipeline(...Array.from({ length: reads }, () => ["GET", "k"]));
      let state = 0;
      const lateOnes = new Set<unknown>();
      const answer = (at: number): void => {
        // A read that is not tried again happens before those behind it do; one that is, whenever it is answered.
        const request = node.waiting[at]!;
        if (lateOnes.has(request) || at === 0) node.rows.set("k", row(String((state += 1)).padStart(4, "0")));
        lateOnes.delete(request);
        node.answer(at);
      };
      for (const { retry, at, pass } of choices) {
        if (node.waiting.length === 0) node.pass();
        if (node.waiting.length === 0) break;
        const position = at % node.waiting.length;
        // Those before it have not been answered, so that it can only be answered out of turn if they are late.
        for (const before of node.waiting.slice(0, retry ? position + 1 : position)) {
          lateOnes.add(before);
          before.retried!();
        }
        if (!retry) answer(position);
        if (pass) node.pass();
      }
      for (let turn = 0; turn <= reads; turn += 1) {
        while (node.waiting.length > 0) answer(0);
        node.pass();
      }
      const seen = client.take().map(String);
      expect(seen).toHaveLength(reads);
      expect(seen).toEqual([...seen].sort());
    }),
  );
});

test("a command of the connection waits for everything before it, so that HELLO changes only what follows", () => {
  const { node, client } = world(manual);
  client.pipeline(["GET", "missing"], ["HELLO", "3"], ["GET", "missing"]);
  expect(node.executed).toEqual(["get"]);
  const raw: string[] = [];
  const write = client.write.bind(client);
  client.write = (bytes) => {
    raw.push(Buffer.from(bytes).toString("latin1"));
    return write(bytes);
  };
  node.answer();
  node.pass();
  node.answer();
  node.pass();
  expect(raw.join("")).toMatch(/^\$-1\r\n%8\r\n.*_\r\n$/s);
});

test("the cluster port redirects, the other one asks the node to forward", () => {
  const nodes = [{ clusterPort: 7379 }, { clusterPort: 7380, host: "10.0.0.2" }];
  const { node, client, connections } = world({ nodes, shards: 2 }, true);
  expect(client.ask("SET", "bar", "1")).toBe("OK");
  expect(client.ask("SET", "foo", "1")).toBe("-MOVED 12182 10.0.0.2:7380");
  expect(node.rows.has("foo")).toBe(false);
  expect(new FakeClient(connections, false).ask("SET", "foo", "1")).toBe("OK");
});

test("READONLY reaches the node with the reads that follow it", () => {
  const { node, client } = world(manual);
  client.pipeline(["GET", "a"]);
  node.answerAll();
  node.pass();
  client.pipeline(["READONLY"], ["GET", "a"]);
  expect(node.waiting.map(({ stale }) => stale)).toEqual([true]);
  node.answerAll();
  node.pass();
  client.pipeline(["READWRITE"], ["GET", "a"]);
  expect(node.waiting.map(({ stale }) => stale)).toEqual([false]);
});

test("keys of several slots are refused with Redis' words and the keys' names", () => {
  const { node, client } = world();
  expect(client.ask("DEL", "foo", "ba\n\xffr")).toBe(
    `-CROSSSLOT Keys in request don't hash to the same slot: "foo" is in slot 12182, "ba\\x0a\\xc3\\xbfr" in slot 8255. ` +
      "Send them one by one, or give them the same {hash tag}.",
  );
  expect(client.ask("DEL", "{user}a", "{user}b")).toBe(0);
  expect(node.executed).toEqual(["del"]);
});

test("a slot that no shard owns is CLUSTERDOWN", () => {
  const { node, client } = world();
  node.map = { ...node.map, shards: [] };
  expect(client.ask("GET", "k")).toBe("-CLUSTERDOWN Hash slot not served");
});

test("what is too long is refused, and the connection and its other commands go on", () => {
  const { node, client } = world();
  const value = new Uint8Array(VALUE_BYTES_MAX + 1);
  client.pipeline(["SET", "a", "1"], ["SET", "k", value], ["GET", "k".repeat(1025)], ["GET", "a"]);
  expect(client.take()).toEqual([
    "OK",
    `-ERR an argument is ${VALUE_BYTES_MAX + 1} bytes long; at most ${VALUE_BYTES_MAX} are allowed`,
    "-ERR key is 1025 bytes long; at most 1024 are allowed",
    "1",
  ]);
  expect(client.ask("SET", "k", value.subarray(1))).toBe("OK");
  expect(client.ask("GET", "k")).toHaveLength(VALUE_BYTES_MAX);
  expect(node.rows.size).toBe(2);
});

test("Redis' texts for what cannot be a command", () => {
  const { client } = world();
  const table: [string[], string][] = [
    [["nosuch"], "-ERR unknown command 'nosuch', with args beginning with: "],
    [["nosuch", "a\r\nb", "c"], "-ERR unknown command 'nosuch', with args beginning with: 'a  b' 'c' "],
    [["GET"], "-ERR wrong number of arguments for 'get' command"],
    [["get", "a", "b"], "-ERR wrong number of arguments for 'get' command"],
    [["DEL"], "-ERR wrong number of arguments for 'del' command"],
    [["CLUSTER"], "-ERR wrong number of arguments for 'cluster' command"],
    [["CLUSTER", "KEYSLOT"], "-ERR wrong number of arguments for 'cluster|keyslot' command"],
    [["client", "nosuch"], "-ERR unknown subcommand 'nosuch'. Try CLIENT HELP."],
    [["CLIENT", "MAINT_NOTIFICATIONS", "ON"], "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP."],
    [["SET", "k", "v", "EX", "0"], "-ERR invalid expire time in 'set' command"],
  ];
  for (const [args, text] of table) expect(client.ask(...args), args.join(" ")).toBe(text);
  const long = client.ask("x".repeat(300), "y".repeat(300), "z");
  expect(long).toBe(`-ERR unknown command '${"x".repeat(128)}', with args beginning with: '${"y".repeat(128)}' `);
});

test("what is not RESP gets its answer in order, then the connection is closed", () => {
  const { node, client } = world(manual);
  client.sendRaw("*2\r\n$3\r\nGET\r\n$1\r\nk\r\n*1\r\n!oops\r\n*1\r\n$4\r\nPING\r\n");
  expect(client.closed).toBe(false);
  node.answer();
  node.pass();
  expect(client.take()).toEqual([null, "-ERR Protocol error: expected '$', got '!'"]);
  expect(client.closed).toBe(true);
});

test("QUIT and a half-closed connection: what was sent before is answered, then the socket closes", () => {
  const quitting = world(manual);
  quitting.client.pipeline(["GET", "k"], ["QUIT"], ["GET", "k"]);
  quitting.node.answer();
  quitting.node.pass();
  expect(quitting.client.take()).toEqual([null, "OK"]);
  expect([quitting.client.closed, quitting.node.waiting.length]).toEqual([true, 0]);

  const half = world(manual);
  half.client.pipeline(["SET", "k", "1"], ["GET", "k"]);
  half.client.connection.onEnd();
  half.node.answer();
  half.node.pass();
  expect(half.client.closed).toBe(false);
  half.node.answer();
  half.node.pass();
  expect(half.client.take()).toEqual(["OK", "1"]);
  expect(half.client.closed).toBe(true);
});

test("a client that goes away leaves its commands to the node and nothing behind", () => {
  const { node, client, connections } = world(manual);
  client.pipeline(["SET", "k", "1"], ["GET", "k"]);
  client.connection.onClose();
  expect(connections.size).toBe(0);
  node.answerAll();
  node.pass();
  expect([node.rows.size, node.executed]).toEqual([1, ["set"]]);
  expect(client.take()).toEqual([]);
});

test("with as many open commands as allowed, a client that sends more is stopped, not buffered", () => {
  const { node, client } = world(manual);
  const batch = Array.from({ length: CONNECTION_INFLIGHT_MAX + 10 }, () => ["GET", "k"]);
  client.pipeline(...batch);
  expect(node.waiting).toHaveLength(CONNECTION_INFLIGHT_MAX);
  expect(client.paused).toBe(false);
  client.pipeline(["GET", "k"]);
  expect(client.paused).toBe(true);
  node.answerAll();
  node.pass();
  expect(client.paused).toBe(false);
  expect(node.waiting).toHaveLength(11);
  node.answerAll();
  node.pass();
  expect(client.take()).toHaveLength(CONNECTION_INFLIGHT_MAX + 11);
});

test("a client that does not read its replies is not read either, until it does", () => {
  const { node, client } = world();
  client.ask("SET", "k", new Uint8Array(CONNECTION_OUTPUT_BYTES_PAUSE / 4));
  client.slow = true;
  client.pipeline(...Array.from({ length: 32 }, () => ["GET", "k"]));
  const before = node.executed.length;
  expect(before).toBeLessThan(12);
  client.send("GET", "k");
  expect([client.paused, node.executed.length]).toEqual([true, before]);
  client.slow = false;
  client.catchUp();
  expect(client.paused).toBe(false);
  expect(client.take()).toHaveLength(33);
  expect(client.destroyed).toBe(false);
});

/** Rows of the largest value, named by what they are filled with. */
function largeRows(node: FakeNode, count: number): string[] {
  const names = Array.from({ length: count }, (_, n) => String.fromCharCode(97 + n));
  for (const name of names) {
    node.rows.set(name, { kind: 1, expiresAtMs: 0, version: 1, payload: Buffer.alloc(VALUE_BYTES_MAX, name) });
  }
  return names;
}

const firstCharacters = (replies: Shown[]): string => replies.map((reply) => ((reply ?? "nil") as string)[0]).join("");

test("a pipeline of large values is held within bounds and read again as the client takes it", () => {
  const { node, client } = world(manual);
  const names = largeRows(node, 10);
  client.slow = true;
  client.pipeline(...names.map((name) => ["GET", name]), ["SET", "a", "new"], ["GET", "a"]);
  let highest = 0;
  for (let turn = 0; turn < 20; turn += 1) {
    // A write that came after the reads may not overtake those that are read again.
    if (node.waiting.some(({ spec }) => spec.name === "set")) expect(node.waiting).toHaveLength(1);
    node.answerAll();
    node.pass();
    highest = Math.max(highest, client.pendingBytes);
    client.catchUp();
  }
  expect(highest).toBeGreaterThan(VALUE_BYTES_MAX);
  expect(highest).toBeLessThanOrEqual(CONNECTION_OUTPUT_BYTES_MAX + 1024);
  expect(firstCharacters(client.take())).toBe("abcdefghijOn");
  expect(node.executed.filter((name) => name === "get").length).toBeLessThan(3 * names.length);
});

test("replies that wait for an older one count as well", () => {
  const { node, client } = world(manual);
  const names = largeRows(node, 5);
  client.pipeline(["GET", "first"], ...names.map((name) => ["GET", name]));
  while (node.waiting.length > 1) node.answer(1);
  node.pass();
  expect(node.waiting).toHaveLength(1);
  for (let turn = 0; turn < 10; turn += 1) {
    node.answerAll();
    node.pass();
  }
  expect(firstCharacters(client.take())).toBe("nabcde");
});

test("the oldest reply is never thrown away for those that wait for it", () => {
  const { node, client } = world(manual);
  const names = largeRows(node, 3);
  client.pipeline(...names.map((name) => ["GET", name]));
  node.answer(2);
  node.answer(1);
  node.answer(0);
  node.pass();
  expect(firstCharacters(client.take())).toBe("abc");
});

test("however large the values and however slowly they are read, all replies come, in order", () => {
  const sizes = fc.array(fc.constantFrom(1, 100_000, CONNECTION_OUTPUT_BYTES_PAUSE, VALUE_BYTES_MAX), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(sizes, fc.array(fc.boolean(), { maxLength: 40 }), (lengths, choices) => {
      const { node, client } = world(manual);
      for (const [n, length] of lengths.entries()) {
        node.rows.set(`k${n}`, { kind: 1, expiresAtMs: 0, version: 1, payload: new Uint8Array(length) });
      }
      client.slow = true;
      if (lengths.length > 0) client.pipeline(...lengths.map((_, n) => ["GET", `k${n}`]));
      for (let turn = 0; turn < 60; turn += 1) {
        if (choices[turn] ?? true) node.answerAll();
        else if (node.waiting.length > 0) node.answer(node.waiting.length - 1);
        node.pass();
        if (choices[turn + 1] ?? true) client.catchUp();
        expect(client.pendingBytes).toBeLessThanOrEqual(CONNECTION_OUTPUT_BYTES_MAX * 2);
      }
      expect(client.take().map((reply) => (reply as string).length)).toEqual(lengths);
    }),
    { numRuns: 60 },
  );
});

test("the node takes so many connections and no more", () => {
  const { connections, client } = world();
  for (let n = 1; n < CONNECTIONS_MAX; n += 1) expect(connections.open(client, false)).toBeDefined();
  expect(connections.open(client, false)).toBeUndefined();
  expect(connections.rejected).toBe(1);
});

test("at shutdown a connection serves on until nothing is open, then closes", () => {
  const { node, client } = world(manual);
  const idle = world().client;
  idle.connection.retire();
  expect(idle.closed).toBe(true);
  client.pipeline(["SET", "k", "1"], ["GET", "k"]);
  client.connection.retire();
  client.send("GET", "k");
  client.sendRaw("*1\r\n$4\r\nPI");
  for (let turn = 0; turn < 3; turn += 1) {
    node.answerAll();
    node.pass();
  }
  expect(client.take()).toEqual(["OK", "1", "1"]);
  expect(client.closed).toBe(false);
  client.sendRaw("NG\r\n");
  expect(client.take()).toEqual(["PONG"]);
  expect(client.closed).toBe(true);
});

test("a connection that is shut down takes nothing more, answers all that had arrived, and leaves nothing unread", () => {
  const { node, client } = world(manual);
  client.pipeline(["SET", "k", "1"], ["GET", "k"], ["PING"]);
  // What cannot be taken yet is left in the system's buffers.
  client.send("GET", "k");
  expect(client.paused).toBe(true);
  client.connection.retire();
  client.connection.shutDown();
  client.send("SET", "k", "2");
  for (let turn = 0; turn < 3; turn += 1) {
    node.answerAll();
    node.pass();
  }
  expect(client.take()).toEqual(["OK", "1", "PONG", "1"]);
  expect(client.closed).toBe(true);
  expect(client.paused).toBe(false);
  expect([...(node.rows.get("k")?.payload ?? [])]).toEqual([...Buffer.from("1")]);
});
