import { expect, test } from "vitest";
import { checkKey } from "./checkers/index.ts";
import { Story } from "./testing/story.ts";

test("a leader that lost several batches to another and leads again takes writes", () => {
  const story = new Story(1n);
  const old = story.leader();
  story.isolate(old);
  const lost = [1, 2, 3].map(() => {
    const operation = story.send(old, "set", "k", true);
    // A pass for each, so that each is an entry of its own.
    story.pass(3);
    return operation;
  });
  story.waitUntil("another leads", () => story.leaders().some((machine) => machine !== old));
  story.waitUntil("the old one has stepped down", () => !story.leaders().includes(old));
  story.cluster.network.heal();
  story.waitUntil("the old one is told", () => old.node?.leaderOf(story.group)?.node === story.leader().info.id);
  story.transferLeader(old);
  const write = story.send(old, "set", "k");
  story.waitUntil("the write is answered", () => write.outcome !== "open");
  expect(write.outcome).toBe("done");
  // Replaced by the other's entries: MOVED is true, they certainly had no effect.
  story.waitUntil("the lost ones are answered", () => lost.every(({ outcome }) => outcome !== "open"));
  const read = story.send(old, "get", "k");
  story.waitUntil("the read is answered", () => read.outcome !== "open");
  expect(checkKey(story.cluster.recorder.of("k"))).toEqual({ linearizable: true });
});

test("a paused leader that wakes up behind its successor serves no stale read", () => {
  const story = new Story(2n);
  const old = story.leader();
  const before = story.send(old, "set", "k");
  story.waitUntil("it is written", () => before.outcome === "done");
  old.process?.pause();
  story.waitUntil("another leads", () => story.leaders().some((machine) => machine !== old));
  const next = story.leaders().find((machine) => machine !== old)!;
  const overwritten = story.send(next, "set", "k");
  story.waitUntil("it is written again", () => overwritten.outcome === "done");
  const stale = story.send(old, "get", "k");
  old.process?.resume();
  story.waitUntil("the read is answered", () => stale.outcome !== "open");
  expect(checkKey(story.cluster.recorder.of("k"))).toEqual({ linearizable: true });
  expect(stale).toMatchObject({ outcome: "done", result: (overwritten as { value?: string }).value });
});

test("the power of all nodes fails under load: what was acknowledged is there", () => {
  const story = new Story(3n);
  const leader = story.leader();
  const writes = Array.from({ length: 50 }, (_, at) => {
    story.pass(0.4);
    return story.send(leader, "set", `k${at}`);
  });
  story.waitUntil("some are answered", () => writes.filter(({ outcome }) => outcome === "done").length >= 40);
  const acknowledged = writes.filter(({ outcome }) => outcome === "done");
  for (const machine of story.cluster.machines) machine.process?.crash("power");
  for (const write of writes) if (write.outcome === "open") story.cluster.recorder.end(write, "unknown");
  story.cluster.start();
  story.waitUntil("a leader", () => story.leaders().length === 1);
  for (const write of acknowledged) {
    const read = story.send(story.leader(), "get", write.key);
    story.waitUntil("it is read", () => read.outcome === "done");
    expect(read).toMatchObject({ result: (write as { value?: string }).value });
  }
});

test("no number of a forwarded command is used again by a later process of its node", () => {
  const FORWARD = 3;
  const used = new Map<string, unknown>();
  const story = new Story(5n, {
    links: (links, { process }) => ({
      send(to, message) {
        const id = `${process.name} ${Buffer.from(message.subarray(1, 9)).toString("hex")}`;
        if (message[0] === FORWARD) {
          expect(used.get(id) ?? process).toBe(process);
          used.set(id, process);
        }
        links.send(to, message);
      },
      flush: () => links.flush(),
      queuedBytes: (node) => links.queuedBytes(node),
      isUp: (node) => links.isUp(node),
    }),
  });
  const [other] = story.others(story.leader());
  for (let boot = 1; boot <= 3; boot += 1) {
    const write = story.send(other!, "set", "k");
    story.waitUntil("it is written", () => write.outcome === "done");
    other!.process?.crash("process");
    other!.start();
    story.waitUntil("it serves", () => other!.node !== undefined);
  }
  expect(new Set(used.values()).size).toBeGreaterThanOrEqual(3);
});

test("writes of one connection keep their order when their node loses its leadership between them", () => {
  const story = new Story(4n);
  const old = story.leader();
  story.isolate(old);
  const first = story.send(old, "set", "k");
  story.pass(3);
  story.waitUntil("another leads", () => story.leaders().some((machine) => machine !== old));
  story.waitUntil("the old one has stepped down", () => !story.leaders().includes(old));
  const second = story.send(old, "set", "k");
  story.cluster.network.heal();
  story.waitUntil("both are answered", () => first.outcome !== "open" && second.outcome !== "open");
  expect([first.outcome, second.outcome]).toEqual(["done", "done"]);
  const read = story.send(story.leader(), "get", "k");
  story.waitUntil("the read is answered", () => read.outcome !== "open");
  expect(read).toMatchObject({ result: (second as { value?: string }).value });
});
