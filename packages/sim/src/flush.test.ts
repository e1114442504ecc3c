import { type Slot, slot } from "sherd/core/base";
import { FLUSH } from "sherd/core/machine";
import { expect, test } from "vitest";
import type { Machine } from "./node/index.ts";
import { Story } from "./testing/story.ts";

const KEYS = Array.from({ length: 30 }, (_, at) => `k${at}`);
const ROUNDS = 20;

/** How many keys each node has, by its own state: its replica is up to date. */
const keysOf = (story: Story): (number | undefined)[] =>
  story.cluster.machines.map(({ node }) => node?.replicaOf(story.group)?.machine.keys);

/** The checkers compare the rows that every end of a process leaves with what the entries make. */
test.each([11n, 12n, 13n])(
  "a shard is emptied again and again while its nodes lose power: what they find is of one generation (seed %d)",
  (seed) => {
    const story = new Story(seed);
    const random = story.world.random.stream("story");
    const some = (): Machine => story.cluster.machines[random.below(3)] as Machine;
    let flushes = 0;
    const flush = (machine: Machine): void =>
      machine.process?.run(() => {
        const complete = (): void => void (flushes += 1);
        machine.node?.execute({
          spec: FLUSH,
          args: [],
          slot: slot(0) as Slot,
          redirect: false,
          stale: false,
          complete,
        });
      });
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const key of KEYS) story.send(some(), random.chance(0.2) ? "del" : "set", key);
      story.pass(random.below(300));
      flush(some());
      if (random.chance(0.5)) story.send(some(), "set", `kept${round}`);
      story.pass(random.below(60));
      if (!random.chance(0.3)) continue;
      const victim = some();
      victim.process?.crash("power");
      story.pass(random.below(500));
      victim.start();
    }
    story.waitUntil("all have the same", () => {
      const leader = story.leaders()[0]?.node?.replicaOf(story.group);
      return (
        leader !== undefined &&
        story.cluster.machines.every(({ node }) => node?.replicaOf(story.group)?.applied === leader.applied)
      );
    });
    expect(flushes).toBeGreaterThan(ROUNDS / 3);
    expect(new Set(keysOf(story)).size).toBe(1);
    for (const machine of story.cluster.machines) machine.process?.crash("power");
    story.cluster.start();
    story.waitUntil("a leader", () => story.leaders().length === 1);
  },
);
