import { latin1, type Slot, slot } from "sherd/core/base";
import type { CommandSpec, Reply } from "sherd/core/command";
import { decodeKeyPageReply, encodeKeyPageRequest, FLUSH, KEY_PAGE } from "sherd/core/machine";
import { expect, test } from "vitest";
import { checkKey, describe as describeOperation, Histories, type Operation } from "./checkers/index.ts";
import type { Machine } from "./node/index.ts";
import { Story } from "./testing/story.ts";
import { call, judge } from "./workload/index.ts";

const LAST_SLOT = slot(16_383);

/** A cluster in which leaderships move and nodes lose power while something goes on. */
class Troubled extends Story {
  readonly random = this.world.random.stream("trouble");

  some(): Machine {
    return this.random.pick(this.cluster.machines);
  }

  ask(spec: CommandSpec, at: number, args: readonly Uint8Array[], answered: (reply: Reply) => void): void {
    const machine = this.some();
    const { process } = machine;
    process?.run(() => {
      machine.node?.execute({ spec, args, slot: slot(at) as Slot, redirect: false, stale: false, complete: answered });
    });
  }

  /** Sometimes. */
  trouble(): void {
    const to = this.some();
    const leader = this.leaders()[0];
    const replica = to.node?.replicaOf(this.group);
    if (this.random.chance(0.25) && leader !== undefined && replica !== undefined) {
      leader.process?.run(() => {
        leader.node?.raft.transferLeader(this.group, replica.id);
        leader.node?.env.requestPass();
      });
    }
    const down = this.cluster.machines.filter(({ process }) => process === undefined);
    for (const machine of down) if (this.random.chance(0.3)) machine.start();
    if (down.length === 0 && this.random.chance(0.12)) to.process?.crash("power");
  }

  over(): void {
    this.cluster.network.heal();
    for (const machine of this.cluster.machines) if (machine.process === undefined) machine.start();
    // A request to a node that is still starting is lost.
    this.waitUntil("all nodes", () => this.cluster.machines.every(({ node }) => node !== undefined));
    this.waitUntil("a leader", () => this.leaders().length === 1);
  }
}

const KEYS = ["a", "b", "c", "{a}d"];

/** FLUSHALL, of one key: a write of nothing. */
function flushed(histories: Histories, key: string): Operation {
  const operation = histories.begin("test", key, { kind: "set", keys: [key] });
  return Object.assign(operation, { value: null });
}

test.each([2n, 3n, 5n])(
  "a flush that nodes forward and retry happens once, at one moment for every key (seed %d)",
  (seed) => {
    const story = new Troubled(seed);
    const { random, world } = story;
    // An answer that is lost makes its node ask again, after others' writes were answered.
    const { network } = story.cluster;
    network.options = { ...network.options, lossProbability: 0.05 };
    const histories = new Histories(
      () => world.nowMs,
      () => world.moment(),
    );
    let done = 0;
    const flush = (): void => {
      const operations = KEYS.map((key) => flushed(histories, key));
      story.ask(FLUSH, 0, [], (reply) => {
        const outcome = judge(operations[0] as Operation, reply);
        if (outcome === "done") done += 1;
        for (const operation of operations) histories.end(operation, outcome);
      });
    };
    const send = (): void => {
      const key = random.pick(KEYS);
      const to = story.some();
      const operation = histories.begin("test", key, { kind: random.chance(0.5) ? "set" : "get", keys: [key] });
      to.process?.run(() => call(to, operation, false, (reply) => histories.end(operation, judge(operation, reply))));
    };
    for (let round = 0; round < 250; round += 1) {
      for (let left = random.below(6); left > 0; left -= 1) send();
      if (random.chance(0.06)) flush();
      story.trouble();
      story.pass(random.below(60));
    }
    story.over();
    for (let left = 20; left > 0; left -= 1) send();
    story.pass(12_000);
    // Their nodes lost power before they answered.
    for (const operation of histories.open) histories.end(operation, "unknown");
    expect(done).toBeGreaterThan(3);
    for (const key of KEYS) {
      const history = histories.of(key);
      const verdict = checkKey(history);
      const stuck = verdict.linearizable === false ? verdict.stuck.map(describeOperation).join("\n") : "";
      expect(verdict.linearizable, `${key}\n${stuck}\n\n${history.map(describeOperation).join("\n")}`).toBe(true);
    }
  },
  120_000,
);

test.each([1n, 2n, 3n, 4n])(
  "walks over the keys see every key that stays, while leaders change and lose power; they end (seed %d)",
  (seed) => {
    const story = new Troubled(seed);
    const { random } = story;
    const stays = Array.from({ length: 260 }, (_, at) => (at % 8 === 0 ? `stays${at}` : `{big}${at}`));
    const written = stays.map((key) => story.send(story.leader(), "set", key));
    story.waitUntil("all are there", () => written.every(({ outcome }) => outcome === "done"));

    let walks = 0;
    let calm = false;
    let at: { slot: number; place: number } | undefined = { slot: 0, place: 0 };
    const seen = new Set<string>();
    const attempts: number[] = [];
    const read = (): void => {
      const from = at;
      if (from === undefined) return;
      const attempt = attempts.push(0);
      const keysMax = 1 + random.below(40);
      const request = { place: from.place, toSlot: LAST_SLOT, keysMax, pattern: undefined };
      story.ask(KEY_PAGE, from.slot, encodeKeyPageRequest(request), (reply) => {
        // A client has one SCAN under way; one whose node lost power is sent again elsewhere.
        if (attempt !== attempts.length) return;
        if (reply.type === "error") {
          story.world.after(50, read);
          return;
        }
        const page = decodeKeyPageReply(reply);
        if (page === undefined) throw new Error("no page");
        for (const key of page.keys) seen.add(latin1(key));
        at = page.next;
        if (at === undefined) {
          expect(stays.filter((key) => !seen.has(key))).toEqual([]);
          walks += 1;
          seen.clear();
          if (!calm) at = { slot: 0, place: 0 };
        }
        story.world.after(random.below(20), read);
      });
    };
    read();
    // How far walks come in a number of rounds depends on how many requests the trouble loses: two have to end within it.
    let rounds = 0;
    for (; rounds < 200 || walks < 2; rounds += 1) {
      expect(rounds, "rounds in which walks were to end").toBeLessThan(2_000);
      for (let left = random.below(4); left > 0; left -= 1) {
        story.send(story.some(), random.chance(0.5) ? "set" : "del", `{big}${random.below(200)}x`);
      }
      story.trouble();
      const before = attempts.length;
      story.pass(random.below(60));
      if (attempts.length === before && random.chance(0.05)) read();
    }
    calm = true;
    story.over();
    read();
    story.waitUntil("the last walk has ended", () => at === undefined);
    expect(walks).toBeGreaterThan(2);
  },
);
