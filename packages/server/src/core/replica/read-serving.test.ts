import { expect, test } from "vitest";
import { ServingWorld } from "./testing/serving-world.ts";

test("a key that has ended by the leader's clock is shown as gone only when log time has passed its end", () => {
  const world = new ServingWorld();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 99;
  world.get("k");
  expect(world.answered).toEqual(["k=v"]);
  world.clockMs += 1;
  world.get("k");
  world.get("k");
  expect(world.answered).toEqual(["k=v"]);
  expect(world.proposed).toHaveLength(1);
  world.decide();
  expect(world.answered).toEqual(["k=v", "!k=nil", "!k=nil"]);
  // It is decided: a leader whose clock is behind says the same.
  world.clockMs -= 50;
  world.get("k");
  expect(world.answered.at(-1)).toBe("k=nil");
  expect(world.proposed).toEqual([]);
});

test("reads that have their turn together are judged by one moment", () => {
  const world = new ServingWorld();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 99;
  world.clockStepMs = 1;
  world.serving.serve([world.read("k"), world.read("k")], false);
  expect(world.answered).toEqual(["k=v", "k=v"]);
  expect(world.proposed).toEqual([]);
  world.get("k");
  expect(world.proposed).toHaveLength(1);
});

test("a page of keys in which one ends by the leader's clock waits for log time, too", () => {
  const world = new ServingWorld();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.page();
  expect(world.answered).toEqual([]);
  world.decide();
  expect(world.answered).toEqual(["page=0"]);
  world.page(true);
  expect(world.answered).toEqual(["page=0", "page=0"]);
  expect(world.proposed).toEqual([]);
});

test("a page of keys waits for log time once, even if another key ends whenever it is tried", () => {
  const world = new ServingWorld();
  for (const end of [100, 200]) {
    world.write(`set k${end} v`);
    world.write(`pexpire k${end} ${end}`);
  }
  world.clockMs += 100;
  world.page();
  for (const request of world.proposed.splice(0)) request.complete(world.apply(request.spec.opcode));
  world.clockMs += 100;
  world.serving.resume();
  expect(world.answered).toEqual(["page=1"]);
  world.page();
  world.decide();
  expect(world.answered).toEqual(["page=1", "page=0"]);
});

test("a clock that goes back while a read waits leaves the key where it was", () => {
  const world = new ServingWorld();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.get("k");
  world.clockMs -= 90;
  world.decide();
  expect(world.answered).toEqual(["!k=v"]);
});

test("a stale read goes by its node's own clock and waits for nothing", () => {
  const world = new ServingWorld();
  world.write("set k v");
  world.write("pexpire k 100");
  world.leads = false;
  world.clockMs += 100;
  world.get("k", true);
  expect(world.answered).toEqual(["k=nil"]);
});

test("who leads no more gives undecided reads back, with what was pinned for them", () => {
  const world = new ServingWorld();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.forget("k");
  world.get("k");
  world.fetched();
  expect(world.pinned).toBe(1);
  expect(world.serving.takeLinearizable()).toHaveLength(1);
  expect(world.pinned).toBe(0);

  world.forget("k");
  world.get("k");
  world.leads = false;
  world.fetched();
  expect(world.rerouted).toEqual(["k"]);
  expect(world.pinned).toBe(0);
});

test("an entry with the time that cannot be proposed, or is lost, sends its reads elsewhere", () => {
  const world = new ServingWorld();
  world.write("set k v");
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.get("k");
  world.proposed.splice(0)[0]?.giveBack?.();
  world.get("k");
  world.proposed.splice(0)[0]?.complete({ type: "error", kind: "INDETERMINATE", text: "" });
  expect(world.rerouted).toEqual(["k", "k"]);
  expect(world.answered).toEqual([]);
});

test("what a read looked for counts once, when it is answered, however often it was tried", () => {
  const world = new ServingWorld();
  const counts = (): number[] => [world.keyspace.hits, world.keyspace.misses];
  world.write("set k v");
  world.get("k");
  world.get("none");
  expect(counts()).toEqual([1, 1]);
  world.forget("k");
  world.get("k");
  expect(counts()).toEqual([1, 1]);
  world.fetched();
  expect(counts()).toEqual([2, 1]);
  world.write("pexpire k 100");
  world.clockMs += 100;
  world.get("k");
  expect(counts()).toEqual([2, 1]);
  world.decide();
  expect(counts()).toEqual([2, 2]);
  expect(world.answered.at(-1)).toBe("!k=nil");
});

test("a read whose rows had to be fetched says so only if they changed meanwhile", () => {
  const world = new ServingWorld();
  for (const key of ["a", "b"]) {
    world.write(`set ${key} 1`);
    world.forget(key);
    world.get(key);
  }
  world.write("set a 2");
  world.fetched();
  expect(world.answered).toEqual(["!a=2", "b=1"]);
  expect(world.pinned).toBe(0);
});
