import { expect, test } from "vitest";
import { clusterId, REQUEST_MS_MAX, USER_CHANGES_WAITING_MAX } from "../base/index.ts";
import { err, type Reply } from "../command/index.ts";
import { type ClusterMap, decodeUsersChange, emptyMap, type UserInfo, type UsersChange } from "../meta/index.ts";
import { type ChangeUsers, UserChanges } from "./user-changes.ts";

/** The node around it: what it proposes waits to be answered, and its map is moved by hand. */
class World {
  nowMs = 0;
  map: ClusterMap = emptyMap(clusterId("ab".repeat(20)));
  readonly wanted: number[] = [];
  readonly proposed: { change: UsersChange; complete: (reply: Reply) => void; retried: () => void }[] = [];
  readonly changes: UserChanges = new UserChanges({
    nowMs: () => this.nowMs,
    map: () => this.map,
    propose: (argument, on) => {
      const change = decodeUsersChange(argument);
      if (change === undefined) throw new Error("it cannot be read");
      this.proposed.push({ change, ...on });
    },
    wantMap: (version) => void this.wanted.push(version),
  });

  change(change: ChangeUsers): Reply[] {
    const replies: Reply[] = [];
    this.changes.change(change, (reply) => void replies.push(reply));
    return replies;
  }

  see(version: number, list: readonly UserInfo[]): void {
    this.map = { ...this.map, version, users: { version, list } };
    this.changes.onMap();
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.changes.tick();
  }
}

const user = (name: string): UserInfo => ({ name, rules: "on" });
const add =
  (name: string): ChangeUsers =>
  (users) => [...users, user(name)];
const OK = [{ type: "simple", text: "OK" }];

test("answered when it is applied and this node has seen it", () => {
  const world = new World();
  const replies = world.change(add("a"));
  expect(world.proposed[0]?.change).toEqual({ expected: 0, list: [user("a")] });
  world.proposed[0]?.complete({ type: "integer", value: 5 });
  expect([replies, world.wanted]).toEqual([[], [5]]);
  world.see(5, [user("a")]);
  expect(replies).toEqual(OK);
});

test("others were faster: it is made again from what they left", () => {
  const world = new World();
  const replies = world.change(add("a"));
  world.proposed[0]?.complete({ type: "error", kind: "CONFLICT", text: "4" });
  expect(world.proposed).toHaveLength(1);
  world.see(4, [user("b")]);
  expect(world.proposed[1]?.change).toEqual({ expected: 4, list: [user("b"), user("a")] });
  world.proposed[1]?.complete({ type: "integer", value: 6 });
  world.see(6, [user("b"), user("a")]);
  expect(replies).toEqual(OK);
});

test("changes of one node wait for each other", () => {
  const world = new World();
  const first = world.change(add("a"));
  const second = world.change(add("b"));
  expect(world.proposed).toHaveLength(1);
  world.see(1, [user("a")]);
  world.proposed[0]?.complete({ type: "integer", value: 1 });
  expect([first, second]).toEqual([OK, []]);
  expect(world.proposed[1]?.change).toEqual({ expected: 1, list: [user("a"), user("b")] });
});

test("what is refused goes nowhere, and the next has its turn", () => {
  const world = new World();
  const no = err("no");
  expect(world.change(() => no)).toEqual([no]);
  expect(world.change(() => [{ name: "a", rules: "x".repeat(100_000) }])[0]).toMatchObject({
    type: "error",
    kind: "ERR",
  });
  expect(world.proposed).toHaveLength(0);
  world.change(add("a"));
  expect(world.proposed).toHaveLength(1);
});

test("no answer in time: nobody knows; a late one is not taken for the next change's", () => {
  const world = new World();
  const first = world.change(add("a"));
  world.wait(REQUEST_MS_MAX / 2);
  const second = world.change(add("b"));
  world.wait(REQUEST_MS_MAX / 2);
  expect(first).toMatchObject([{ type: "error", kind: "INDETERMINATE" }]);
  expect(world.proposed).toHaveLength(2);
  world.proposed[0]?.complete({ type: "integer", value: 1 });
  world.see(1, [user("a")]);
  expect(second).toEqual([]);
});

test("an error is definite only if it was sent once", () => {
  const world = new World();
  const down: Reply = { type: "error", kind: "CLUSTERDOWN", text: "The shard has no leader" };
  const once = world.change(add("a"));
  world.proposed[0]?.complete(down);
  expect(once).toEqual([down]);
  const twice = world.change(add("a"));
  world.proposed[1]?.retried();
  world.proposed[1]?.complete(down);
  expect(twice).toMatchObject([{ kind: "INDETERMINATE" }]);
});

test("made again after it was sent twice, a change is never said not to be done: it may have met its own result", () => {
  const down: Reply = { type: "error", kind: "CLUSTERDOWN", text: "The shard has no leader" };
  const conflictAfterTwo = (change: ChangeUsers): { world: World; replies: Reply[] } => {
    const world = new World();
    const replies = world.change(change);
    world.proposed[0]?.retried();
    world.proposed[0]?.complete({ type: "error", kind: "CONFLICT", text: "4" });
    world.see(4, [user("a")]);
    return { world, replies };
  };
  const onlyOnce: ChangeUsers = (users) => (users.length > 0 ? err("it is there") : [user("a")]);
  expect(conflictAfterTwo(onlyOnce).replies).toMatchObject([{ kind: "INDETERMINATE" }]);
  const { world, replies } = conflictAfterTwo(add("b"));
  world.proposed[1]?.complete(down);
  expect(replies).toMatchObject([{ kind: "INDETERMINATE" }]);
});

test("applied, but not seen here in time: it is done; never applied: it is not", () => {
  const world = new World();
  const done = world.change(add("a"));
  world.proposed[0]?.complete({ type: "integer", value: 5 });
  world.wait(REQUEST_MS_MAX);
  expect(done).toEqual(OK);
  const conflict = world.change(add("a"));
  world.proposed[1]?.complete({ type: "error", kind: "CONFLICT", text: "9" });
  world.wait(REQUEST_MS_MAX);
  expect(conflict).toMatchObject([{ kind: "CLUSTERDOWN" }]);
});

test("waiting changes are bounded", () => {
  const world = new World();
  for (let n = 0; n < USER_CHANGES_WAITING_MAX; n += 1) expect(world.change(add(`u${n}`))).toEqual([]);
  expect(world.change(add("more"))).toMatchObject([{ type: "error", kind: "ERR" }]);
});
