import fc from "fast-check";
import { expect, test } from "vitest";
import { FakeClient, type Shown } from "./testing/fake-client.ts";
import { world } from "./testing/world.ts";

const manual = { manual: true } as const;
const row = (value: string) => ({ kind: 1, expiresAtMs: 0, version: 1, payload: Buffer.from(value) }) as const;

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
