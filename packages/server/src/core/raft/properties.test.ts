/**
 * Random runs of three replicas with slow disks, a network that loses, repeats and reorders, and crashes: what Raft
 * promises holds at every moment. Everything follows from fast-check's seed.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Index, index, replicaId, utf8Bytes } from "../base/index.ts";
import { type Entry, encodeConfChange } from "./index.ts";
import { Cluster, type Envelope } from "./testing/cluster.ts";
import { type DiskState, describeEntry, GROUP, type Replica } from "./testing/replica.ts";

/** Seconds on an idle machine; tests share it with others. */
const TIMEOUT_MS = 120_000;
const IDS = [1, 2, 3, 4] as const;
/** Ticks within which a group without faults has a leader and everything applied: several election timeouts. */
const HEALING_TICKS_MAX = 200;

type Step =
  | {
      readonly kind: "tick" | "sync" | "flush" | "truncate" | "crash" | "propose" | "read" | "campaign" | "forget";
      readonly id: number;
    }
  | { readonly kind: "transfer" | "learner" | "voter" | "remove"; readonly id: number; readonly other: number }
  | { readonly kind: "deliver" | "drop" | "repeat"; readonly at: number }
  /** Every disk ends its writes, every message arrives: without it hardly an election would end. */
  | { readonly kind: "round" };

type Action = Extract<Step, { readonly id: number }>;

const id = fc.constantFrom(...IDS);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ kind: fc.constant("deliver" as const), at: fc.nat({ max: 40 }) }) },
  { weight: 6, arbitrary: fc.constant({ kind: "round" as const }) },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant("tick" as const), id }) },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant("sync" as const), id }) },
  { weight: 12, arbitrary: fc.record({ kind: fc.constant("propose" as const), id }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constantFrom("drop" as const, "repeat" as const), at: fc.nat({ max: 40 }) }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constantFrom("flush" as const, "truncate" as const, "read" as const), id }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constantFrom("campaign" as const, "forget" as const, "crash" as const), id }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("transfer" as const, "learner" as const, "voter" as const, "remove" as const),
      id,
      other: id,
    }),
  },
);

/** What was ever observed to be decided, and checks that nothing contradicts it. */
class Judge {
  readonly #leaders = new Map<number, number>();
  readonly #committed = new Map<Index, string>();
  #reads = new Map<number, Index>();
  #highest = 0;

  leader(term: number, leader: number): void {
    const known = this.#leaders.get(term);
    expect(known === undefined || known === leader, `one leader in term ${term}: ${known} and ${leader}`).toBe(true);
    this.#leaders.set(term, leader);
  }

  committed(entry: Entry): void {
    const text = `${describeEntry(entry)} of term ${entry.term}`;
    const known = this.#committed.get(entry.index) ?? text;
    expect(text).toBe(known);
    this.#committed.set(entry.index, text);
    this.#highest = Math.max(this.#highest, entry.index);
  }

  readBegins(context: number): void {
    this.#reads.set(context, index(this.#highest));
  }

  readReady(context: number, at: Index): void {
    const floor = this.#reads.get(context);
    expect(floor !== undefined && at >= floor, `read ${context} sees what was committed before it began`).toBe(true);
  }

  get highest(): Index {
    return index(this.#highest);
  }

  /** What a disk calls committed is what was decided. */
  check(disk: DiskState): void {
    for (const entry of disk.entries) {
      const known = this.#committed.get(entry.index);
      if (known === undefined || entry.index > disk.hardState.commit) continue;
      expect(`${describeEntry(entry)} of term ${entry.term}`).toBe(known);
    }
  }
}

class World extends Cluster {
  readonly judge = new Judge();
  #next = 0;

  override start(...args: Parameters<Cluster["start"]>): Replica {
    const replica = super.start(...args);
    replica.diskIsFast = false;
    const { judge } = this;
    // The replica's own handlers run first: what they assert holds too.
    const { onRole, onCommitted, onReadReady } = replica;
    replica.onRole = (group, role, leader, term) => {
      if (role === 2) judge.leader(term, replica.id);
      onRole.call(replica, group, role, leader, term);
    };
    replica.onCommitted = (group, entries) => {
      for (const entry of entries) judge.committed(entry);
      if (replica.role === 2) this.#expectDurable(replica, entries);
      onCommitted.call(replica, group, entries);
    };
    replica.onReadReady = (group, context, at) => {
      judge.readReady(context, at);
      onReadReady.call(replica, group, context, at);
    };
    replica.run();
    return replica;
  }

  /** A leader calls committed only what a majority of the voters has on disk. (A change takes effect when applied.) */
  #expectDurable(leader: Replica, entries: readonly Entry[]): void {
    const { voters } = leader.machine.confState;
    const disks = voters.map((voter) => this.replicas.get(voter)?.disk ?? (this.disks.get(voter) as DiskState));
    for (const { index: at, term } of entries) {
      const holding = disks.filter(
        ({ truncated, entries: kept }) => at <= truncated.index || kept[at - truncated.index - 1]?.term === term,
      );
      expect(holding.length * 2, `entry ${at} is on a majority of disks`).toBeGreaterThan(voters.length);
    }
  }

  step(what: Step): void {
    this.lines = [];
    if (what.kind === "round") this.#round();
    else if ("at" in what) this.#traffic(what.kind, what.at);
    else if (this.replicas.has(what.id)) this.#act(what, this.#actor(what, this.get(what.id)));
    else if (what.kind === "tick") this.restart(what.id);
  }

  #round(): void {
    for (const replica of this.replicas.values()) {
      replica.sync();
      replica.run();
    }
    this.deliver(this.take(() => true));
  }

  /** Clients know the leader most of the time; half of what only it can do goes there. */
  #actor(what: Action, replica: Replica): Replica {
    const forLeader = ["propose", "read", "transfer", "learner", "voter", "remove"].includes(what.kind);
    return forLeader && replica.id % 2 === 0 ? (this.leader ?? replica) : replica;
  }

  #traffic(kind: "deliver" | "drop" | "repeat", at: number): void {
    const envelope: Envelope | undefined = this.network[at % Math.max(this.network.length, 1)];
    if (envelope === undefined) return;
    if (kind !== "repeat") this.take((other) => other === envelope);
    if (kind === "drop") this.cut.add(`${envelope.from}>${envelope.to}`);
    this.deliver([envelope]);
    this.cut.clear();
  }

  #act(what: Action, replica: Replica): void {
    const { core } = replica;
    const ticket = ++this.#next;
    switch (what.kind) {
      case "tick":
        core.tick(GROUP);
        break;
      case "sync":
        replica.sync(1);
        break;
      case "flush":
        this.#flush(replica);
        break;
      case "truncate":
        this.#flush(replica);
        replica.truncate(replica.disk.machine.position.index);
        break;
      case "crash":
        this.crash(replica.id);
        return;
      case "propose":
        core.propose(GROUP, ticket, utf8Bytes(`p${ticket}`));
        break;
      case "read":
        this.judge.readBegins(ticket);
        core.readIndex(GROUP, ticket);
        break;
      case "campaign":
        core.campaign(GROUP);
        break;
      case "forget":
        core.forgetLeader(GROUP);
        break;
      case "transfer":
        core.transferLeader(GROUP, replicaId(what.other));
        break;
      default: {
        const kind = ({ learner: "addLearner", voter: "addVoter", remove: "remove" } as const)[what.kind];
        core.proposeConfChange(GROUP, ticket, encodeConfChange([{ kind, replica: replicaId(what.other) }]));
      }
    }
    replica.run();
  }

  /** The store flushes what its own log holds durably; a snapshot that is being installed has fenced it. */
  #flush(replica: Replica): void {
    if (replica.writes.every((write) => write.snapshot === undefined)) replica.flush();
  }

  /** No more faults: the group comes back, and holds everything that was ever committed. */
  heal(): void {
    for (const down of this.disks.keys()) this.restart(down);
    for (const replica of this.replicas.values()) replica.diskIsFast = true;
    for (let i = 0; i < HEALING_TICKS_MAX && !this.isHealed(); i += 1) {
      for (const replica of this.replicas.values()) replica.core.tick(GROUP);
      this.settle();
    }
  }

  isHealed(): boolean {
    const { leader } = this;
    const voters = leader?.machine.confState.voters.map((voter) => this.get(voter)) ?? [];
    const position = leader?.machine.position.index ?? 0;
    return (
      leader?.last === position &&
      position >= this.judge.highest &&
      voters.every((voter) => voter.machine.position.index === position)
    );
  }

  /** The leader of the highest term, if one is up. */
  get leader(): Replica | undefined {
    const leaders = [...this.replicas.values()].filter((replica) => replica.role === 2);
    return leaders.sort((a, b) => b.term - a.term)[0];
  }
}

test(
  "one leader a term, equal logs, nothing committed is lost, reads see what was committed",
  () => {
    fc.assert(
      fc.property(fc.nat(), fc.array(step, { minLength: 50, maxLength: 600, size: "max" }), (seed, steps) => {
        const world = new World(seed);
        world.bootstrap([1, 2, 3]);
        world.add(4);
        for (const what of steps) world.step(what);
        for (const replica of world.replicas.values()) world.judge.check(replica.disk);
        world.heal();
        expect(world.isHealed(), "a group without faults has a leader and holds all that was committed").toBe(true);
        const { leader } = world;
        for (const member of leader?.machine.confState.voters ?? []) {
          const replica = world.get(member);
          expect(replica.machine.applied).toEqual(leader?.machine.applied);
          expect(replica.machine.confState).toEqual(leader?.machine.confState);
          expect(replica.core.counters.messagesMalformed, "no guard refuses what replicas really send").toBe(0);
        }
      }),
      // Shrinking a run of hundreds of steps takes minutes: the seed is enough to repeat it.
      { numRuns: 150, endOnFailure: true },
    );
  },
  TIMEOUT_MS,
);
