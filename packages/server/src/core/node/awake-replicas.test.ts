import { expect, test } from "vitest";
import { AwakeReplicas } from "./awake-replicas.ts";

/** Replicas that note their turns. */
class World {
  readonly worked: string[] = [];
  passes = 0;
  readonly awake: AwakeReplicas = new AwakeReplicas({
    monotonicMs: () => 0,
    requestPass: () => void (this.passes += 1),
  });

  /** `passes`: so many are needed for what it has to apply. */
  replica(name: string, passes = 1): Parameters<AwakeReplicas["wake"]>[0] {
    let left = passes;
    const replica = {
      wantsFeed: false,
      feed: () => {},
      work: () => {
        this.worked.push(name);
        left -= 1;
        if (left > 0) this.awake.wake(replica);
        return left > 0;
      },
    };
    return replica;
  }

  /** Who works in the next pass. */
  pass(): string[] {
    this.worked.length = 0;
    this.awake.feed();
    this.awake.work();
    return [...this.worked];
  }
}

test("when one replica has used a pass's time, those behind it begin the next: nobody waits for two in a row", () => {
  const world = new World();
  for (const replica of [world.replica("a"), world.replica("b", 3), world.replica("c", 2), world.replica("d")]) {
    world.awake.wake(replica);
  }
  world.passes = 0;
  expect(world.pass()).toEqual(["a", "b"]);
  expect(world.passes).toBeGreaterThan(0);
  expect(world.pass()).toEqual(["c"]);
  expect(world.pass()).toEqual(["d", "b"]);
  expect(world.pass()).toEqual(["c", "b"]);
  world.passes = 0;
  expect(world.pass()).toEqual([]);
  expect(world.passes).toBe(0);
});

test("who is woken by what the core tells has its turn in the same pass", () => {
  const world = new World();
  world.awake.feed();
  world.awake.wake(world.replica("a"));
  expect(world.passes).toBe(0);
  world.awake.work();
  expect(world.worked).toEqual(["a"]);
});
