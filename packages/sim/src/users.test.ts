import { META_GROUP } from "sherd/core/base";
import type { Reply } from "sherd/core/command";
import type { UserInfo } from "sherd/core/meta";
import { expect, test } from "vitest";
import type { Machine } from "./node/index.ts";
import { Story } from "./testing/story.ts";

interface Change {
  readonly name: string;
  reply: Reply | undefined;
}

/** A new user, asked for at a node. */
function add(to: Machine, name: string): Change {
  const change: Change = { name, reply: undefined };
  const make = (users: readonly UserInfo[]): readonly UserInfo[] => [
    ...users.filter((user) => user.name !== name),
    { name, rules: "on" },
  ];
  to.process?.run(() =>
    to.node?.changeUsers(make, (reply) => {
      expect(change.reply).toBeUndefined();
      change.reply = reply;
    }),
  );
  return change;
}

const usersOf = ({ node }: Machine): string[] => (node?.map.users?.list ?? []).map(({ name }) => name).sort();
const isDone = ({ reply }: Change): boolean => reply?.type === "simple";
const metaLeader = (story: Story): Machine =>
  story.cluster.machines.find(({ node }) => node?.replicaOf(META_GROUP)?.leads === true) as Machine;

test("a user made at one node is known there with the answer, and at all others a moment later", () => {
  const story = new Story(21n);
  for (const [at, machine] of story.cluster.machines.entries()) {
    const change = add(machine, `user-${at}`);
    story.waitUntil("the answer", () => change.reply !== undefined);
    expect(isDone(change)).toBe(true);
    expect(usersOf(machine)).toContain(change.name);
    const fromMs = story.world.nowMs;
    story.waitUntil("all know it", () => story.cluster.machines.every((one) => usersOf(one).includes(change.name)));
    // Less than the time between two hints: they do not wait to be told by the way.
    expect(story.world.nowMs - fromMs).toBeLessThan(200);
  }
});

test("changes from all nodes at once, while the map's leader crashes again and again: what was answered is never lost", () => {
  const story = new Story(22n);
  const changes: Change[] = [];
  for (let round = 0; round < 6; round += 1) {
    for (const [at, machine] of story.cluster.machines.entries()) {
      for (let n = 0; n < 4; n += 1) changes.push(add(machine, `user-${round}-${at}-${n}`));
    }
    story.pass(5 * round);
    const leader = metaLeader(story);
    leader.process?.crash("power");
    story.pass(1_000);
    leader.start();
    story.waitUntil("a leader of the map", () => metaLeader(story) !== undefined);
    story.pass(1_000);
  }
  story.pass(12_000);
  const done = changes.filter(isDone);
  expect(done.length).toBeGreaterThan(changes.length / 3);
  const [first, ...others] = story.cluster.machines.map(usersOf);
  for (const other of others) expect(other).toEqual(first);
  expect(done.map(({ name }) => name).filter((name) => first?.includes(name) !== true)).toEqual([]);
  // What was refused as not done is not there.
  const refused = changes.filter(({ reply }) => reply?.type === "error" && reply.kind !== "INDETERMINATE");
  expect(refused.map(({ name }) => name).filter((name) => first?.includes(name) === true)).toEqual([]);
});

const isCurrent = ({ node }: Machine): boolean => node?.mapIsCurrent === true;

test("a node trusts its map once the meta group has written this start into it, and not while it is alone", () => {
  const story = new Story(23n);
  expect(story.cluster.machines.every(isCurrent)).toBe(true);
  const late = story.others(metaLeader(story))[0] as Machine;
  late.process?.crash("power");
  const change = add(metaLeader(story), "made meanwhile");
  story.waitUntil("the answer", () => change.reply !== undefined);
  expect(isDone(change)).toBe(true);

  story.isolate(late);
  late.start();
  story.pass(20_000);
  expect([isCurrent(late), usersOf(late)]).toEqual([false, []]);

  story.cluster.network.heal();
  story.waitUntil("it has heard", () => isCurrent(late));
  expect(usersOf(late)).toEqual([change.name]);
});

test("without a majority of the map's nodes those that run go on trusting it, and one that starts does not", () => {
  const story = new Story(24n);
  const [running, restarted, gone] = story.cluster.machines as [Machine, Machine, Machine];
  restarted.process?.crash("process");
  gone.process?.crash("power");
  story.pass(5_000);
  story.isolate(running);
  restarted.start();
  story.pass(20_000);
  expect([isCurrent(running), isCurrent(restarted)]).toEqual([true, false]);
});
