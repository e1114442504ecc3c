import { CLOCK_OFFSET_MS_MAX } from "sherd/core/base";
import { expect, test } from "vitest";
import type { Machine } from "./node/index.ts";
import { Story } from "./testing/story.ts";

const FAR_MS = CLOCK_OFFSET_MS_MAX * 4;

const offsetOf = (machine: Machine): number => Math.abs(machine.node?.metrics().clockOffsetMs ?? 0);

test("a leader whose clock runs away from the others' hands over, and leads again when it is right", () => {
  const story = new Story(21n);
  const wrong = story.leader();
  wrong.clocks.wallOffsetMs += FAR_MS;
  story.waitUntil("another leads", () => story.leaders().length === 1 && story.leader() !== wrong);
  expect(offsetOf(wrong)).toBeGreaterThan(CLOCK_OFFSET_MS_MAX);
  const write = story.send(wrong, "set", "k");
  story.waitUntil("a write is answered", () => write.outcome !== "open");
  expect(write.outcome).toBe("done");
  story.transferLeader(wrong);
  story.waitUntil("it does not keep what it is given", () => story.leaders().length === 1 && story.leader() !== wrong);
  wrong.clocks.wallOffsetMs -= FAR_MS;
  story.waitUntil("its clock agrees", () => offsetOf(wrong) < CLOCK_OFFSET_MS_MAX);
  story.transferLeader(wrong);
  story.pass(5_000);
  expect(story.leader()).toBe(wrong);
});

test("a node that wakes up with a wrong clock among two that are right stays a follower", () => {
  const story = new Story(22n);
  const wrong = story.cluster.machines.find((machine) => machine !== story.leader())!;
  wrong.clocks.wallOffsetMs -= FAR_MS;
  story.waitUntil("it knows", () => offsetOf(wrong) > CLOCK_OFFSET_MS_MAX);
  const before = story.leader();
  before.process?.crash("power");
  story.waitUntil("another leads", () => story.leaders().length === 1 && story.leader() !== before);
  before.start();
  // Two nodes alone cannot say which one is wrong, so it may lead until the third is back.
  story.waitUntil("a right one leads", () => story.leaders().length === 1 && story.leader() !== wrong);
  story.pass(5_000);
  expect(story.leader()).not.toBe(wrong);
});
