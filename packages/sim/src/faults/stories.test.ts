import { DISK_RESERVE_BYTES } from "sherd/core/base";
import { expect, test } from "vitest";
import type { Machine } from "../node/index.ts";
import { Story } from "../testing/story.ts";

/** Keys with what was acknowledged for them. */
function write(story: Story, at: Machine, keys: readonly string[]): Map<string, string> {
  const written = new Map<string, string>();
  for (const key of keys) {
    const operation = story.send(at, "set", key);
    story.waitUntil(`${key} is written`, () => operation.outcome === "done");
    written.set(key, (operation as { value?: string }).value ?? "");
  }
  return written;
}

function expectToRead(story: Story, at: Machine, written: ReadonlyMap<string, string>): void {
  for (const [key, value] of written) {
    const read = story.send(at, "get", key);
    story.waitUntil(`${key} is read`, () => read.outcome === "done");
    expect(read).toMatchObject({ result: value });
  }
}

const KEYS = ["a", "b", "c", "d"];

test("a leader whose disk does not answer gives its leadership away, and ends when the disk never does", () => {
  const story = new Story(1n);
  const old = story.leader();
  const written = write(story, old, KEYS);
  const started = story.world.nowMs;
  old.disk.hang();
  // It goes on leading until it has something to write, and then its disk is late.
  const stuck = story.send(old, "set", "late");
  story.waitUntil("another leads", () => story.leaders().some((machine) => machine !== old));
  expect(story.world.nowMs - started).toBeLessThan(3_000);
  const next = story.leaders().find((machine) => machine !== old)!;
  expectToRead(story, next, written);
  write(story, next, ["e"]);
  expect(old.alive).toBe(true);
  story.pass(12_000);
  expect(old.alive).toBe(false);
  expect(story.world.coverage.of("node ended itself: SHERD_DISK_HANGS")).toBe(1);
  story.cluster.recorder.end(stuck, "unknown");
});

test("a disk that is slow for a moment ends nothing", () => {
  const story = new Story(2n);
  const old = story.leader();
  old.disk.hang();
  const slow = story.send(old, "set", "k");
  story.pass(300);
  old.resumeDisk();
  story.waitUntil("it is written", () => slow.outcome === "done");
  expect(story.leader()).toBe(old);
});

test("a node with an emptied disk is refused under its old name, and nothing is lost", () => {
  const story = new Story(3n);
  const leader = story.leader();
  const written = write(story, leader, KEYS);
  const [emptied] = story.others(leader);
  emptied!.process?.crash("power");
  emptied!.emptyDisk();
  emptied!.unsound = true;
  emptied!.start();
  story.waitUntil("it is refused", () => !emptied!.alive);
  expect(emptied!.refusal?.code).toBe("SHERD_DATA_EMPTIED");
  expectToRead(story, leader, written);
});

test("a node with an emptied disk helps nobody to lead who lacks what was acknowledged", () => {
  const story = new Story(4n);
  const leader = story.leader();
  const [emptied, behind] = story.others(leader) as [Machine, Machine];
  story.isolate(behind);
  const written = write(story, leader, KEYS);
  emptied.process?.crash("power");
  emptied.emptyDisk();
  emptied.unsound = true;
  leader.process?.crash("process");
  story.cluster.network.heal();
  emptied.start();
  // Alone with the one that lacks the writes, it would make a majority with it.
  story.waitUntil("it is refused", () => !emptied.alive);
  expect(emptied.refusal?.code).toBe("SHERD_DATA_EMPTIED");
  story.pass(5_000);
  expect(story.leaders()).toEqual([]);
  leader.start();
  story.waitUntil("a majority serves", () => story.leaders().length === 1);
  expectToRead(story, story.leader(), written);
});

test("all nodes move at once and find each other by their seeds; what was acknowledged is there", () => {
  const story = new Story(5n);
  const { machines } = story.cluster;
  const written = write(story, story.leader(), KEYS);
  for (const machine of machines) machine.process?.crash("power");
  for (const machine of machines) machine.moveTo(`${machine.name}-elsewhere`);
  for (const [at, machine] of machines.entries()) {
    const next = machines[(at + 1) % machines.length]!;
    machine.seeds = [`${next.info.addresses.host}:${next.info.addresses.peerPort}`];
    machine.start();
  }
  story.waitUntil("a leader", () => story.leaders().length === 1);
  expectToRead(story, story.leader(), written);
  const moved = (): boolean =>
    machines.every(({ node }) =>
      [...(node?.map.nodes.values() ?? [])].every(({ addresses }) => addresses.host.endsWith("-elsewhere")),
    );
  story.waitUntil("all know where all are", moved);
});

test("two nodes swap their addresses: nobody takes one for the other", () => {
  const story = new Story(6n);
  const written = write(story, story.leader(), KEYS);
  const [left, right] = story.cluster.machines as [Machine, Machine];
  const hosts = [left, right].map(({ info }) => info.addresses.host) as [string, string];
  for (const machine of [left, right]) machine.process?.crash("process");
  left.moveTo(hosts[1]);
  right.moveTo(hosts[0]);
  left.start();
  right.start();
  story.waitUntil("a leader", () => story.leaders().length === 1);
  for (const machine of story.cluster.machines) expectToRead(story, machine, written);
});

test("a nearly full disk: leaderships go elsewhere; when all are nearly full no data is taken, until there is room", () => {
  const story = new Story(7n);
  const old = story.leader();
  // Less than the reserve, enough to go on.
  const fill = ({ disk }: Machine): void => {
    disk.capacityBytes = disk.usedBytes() + DISK_RESERVE_BYTES - 1;
  };
  fill(old);
  story.waitUntil("another leads", () => story.leaders().length === 1 && story.leader() !== old);
  const written = write(story, old, KEYS);
  for (const machine of story.others(old)) fill(machine);
  story.waitUntil("all know", () => story.cluster.machines.every(({ node }) => node?.diskFull === true));
  const refused = story.send(story.leader(), "set", "k");
  story.waitUntil("it is refused", () => refused.outcome === "refused");
  for (const { disk } of story.cluster.machines) disk.capacityBytes = Number.POSITIVE_INFINITY;
  story.waitUntil("there is room", () => story.cluster.machines.every(({ node }) => node?.diskFull === false));
  expectToRead(story, old, written);
  write(story, old, ["k"]);
});

test("a damaged record in the middle of a log is refused at the start, and the others keep everything", () => {
  const story = new Story(8n);
  const leader = story.leader();
  const written = write(story, leader, KEYS);
  const [damaged] = story.others(leader);
  damaged!.unsound = true;
  let state = 7;
  const random32 = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state;
  };
  damaged!.process?.crash("process");
  for (let bit = 0; bit < 30; bit += 1) damaged!.disk.flipOldBit("log", random32);
  damaged!.start();
  expect(damaged!.alive).toBe(false);
  expect(damaged!.refusal?.code).toBe("SHERD_LOG_DAMAGED");
  expectToRead(story, leader, written);
});
