import { expect, test } from "vitest";
import { Story } from "../testing/story.ts";

const KIB = 1024;
/** So small that a node which is away for a while comes back by snapshot. */
const SMALL_LOG = { segmentBytes: 64 * KIB, frameBytesMax: 56 * KIB, retainedBytesMax: 64 * KIB };

// Found by seed 506: positions of snapshots were known only from flushes of the process that sends them.
test("a leader that has applied nothing since its start brings the only other replica forward", () => {
  const story = new Story(1n, undefined, SMALL_LOG);
  const leader = story.leader();
  const [behind, other] = story.others(leader);
  behind!.process?.crash("process");
  for (let at = 0; at < 200; at += 1) {
    const write = story.send(leader, "set", `k${at}`, false, 2 * KIB);
    story.waitUntil("it is written", () => write.outcome === "done");
  }
  story.waitUntil("the log keeps nothing that the other lacks", () => leader.node!.log.first(story.group) > 100);
  other!.process?.crash("process");
  story.pass(1_000);
  leader.process?.crash("process");
  leader.start();
  behind!.start();
  story.waitUntil("it leads again", () => story.leaders().includes(leader));
  const write = story.send(behind!, "set", "k");
  story.waitUntil("a majority serves", () => write.outcome === "done");
  expect(story.world.coverage.of("log: snapshot installed")).toBeGreaterThanOrEqual(1);
});
