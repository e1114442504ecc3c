import { crc32, type GroupId, observeMarks, slot } from "sherd/core/base";
import type { ClusterMap } from "sherd/core/meta";
import type { SnapshotReader, Space } from "sherd/core/store";
import {
  checkAborts,
  checkKey,
  checkStaleReads,
  checkSurveys,
  compareStates,
  describe,
  type Operation,
  type ReplicaState,
} from "./checkers/index.ts";
import { Cluster } from "./cluster.ts";
import { type FaultStep, Faults } from "./faults/index.ts";
import type { Machine, Sabotage } from "./node/index.ts";
import { shardOf } from "./plan.ts";
import { drawProfile, type Profile } from "./profile.ts";
import { call, judge, makeClients, Recorder, Surveyor, slotOf } from "./workload/index.ts";
import { type Coverage, Violation, World } from "./world/index.ts";

export interface RunOptions {
  readonly seed: bigint;
  /** Commands that clients send before the faults end. */
  readonly steps: number;
  readonly nodes: number;
  readonly shards: number;
  readonly sabotage?: Sabotage;
  /** One of PROFILES; drawn from the seed when not given. */
  readonly profile?: string | undefined;
  /** Ordinals of the only faults that come; the others of the seed are left out. */
  readonly onlyFaults?: ReadonlySet<number> | undefined;
  readonly print?: (line: string) => void;
}

export interface RunResult {
  readonly seed: bigint;
  readonly hash: string;
  readonly violation: Violation | undefined;
  readonly virtualMs: number;
  readonly operations: number;
  /** Keys whose history was too entangled to be decided. */
  readonly undecided: number;
  readonly coverage: Coverage;
  /** What was injected. */
  readonly faults: readonly FaultStep[];
  /** Before the violation. */
  readonly lastEvents: readonly string[];
  /** Of the key that the violation is about: the operations around the place where it breaks. */
  readonly history: readonly Operation[];
}

/** Faults end after this virtual time, however few commands got through. */
const FAULTS_MS_MAX = 45_000;
/** After the last fault, the cluster serves within this time: an election, a snapshot, the limits of what is stuck. */
const LIVENESS_MS = 30_000;
/** Operations of a key shown before and behind those that nothing explains. */
const HISTORY_BEFORE = 40;
const HISTORY_BEHIND = 15;
const SETTLE_MS = 3_000;
const POLL_MS = 50;

/** What the names of coverage marks begin with. */
export const MARK = "mark: ";
/** Client name of the reads and writes behind the last fault. */
const FINAL = "final";
const isFinal = ({ client }: Operation): boolean => client === FINAL;

/** One seed, from the first start of an empty cluster to the last check. */
export function runSeed(options: RunOptions): RunResult {
  const run = new Run(options);
  try {
    return run.result();
  } finally {
    observeMarks(undefined);
  }
}

class Run {
  readonly #options: RunOptions;
  readonly #world: World;
  readonly #plan: ClusterMap;
  readonly #profile: Profile;
  readonly #cluster: Cluster;
  readonly #machines: readonly Machine[];
  readonly #recorder: Recorder;
  readonly #clients: ReturnType<typeof makeClients>;
  readonly #faults: Faults;
  #undecided = 0;
  #history: readonly Operation[] = [];

  constructor(options: RunOptions) {
    this.#options = options;
    this.#world = new World(options.seed, options.print);
    this.#profile = drawProfile(this.#world.random.stream("profile"), options.profile);
    const { nodes, shards, sabotage } = options;
    this.#cluster = new Cluster(this.#world, { ...this.#profile, nodes, shards, sabotage });
    this.#plan = this.#cluster.plan;
    this.#machines = this.#cluster.machines;
    this.#recorder = this.#cluster.recorder;
    this.#clients = makeClients(this.#world, this.#machines, this.#recorder, this.#profile);
    this.#faults = new Faults({
      world: this.#world,
      machines: this.#machines,
      network: this.#cluster.network,
      map: this.#plan,
      plan: this.#profile.faults,
      untilMs: FAULTS_MS_MAX,
      only: options.onlyFaults,
    });
    observeMarks((name) => this.#world.coverage.count(`${MARK}${name}`));
  }

  /** Of the others nothing is promised but that they serve nothing wrong. */
  get #sound(): readonly Machine[] {
    return this.#machines.filter(({ unsound }) => !unsound);
  }

  result(): RunResult {
    let violation: Violation | undefined;
    try {
      this.#play();
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      violation = error;
      if (error.where !== undefined) this.#history = this.#before(error.where);
      this.#world.trace.event(`violated: ${error.message.slice(0, 200)}`);
    }
    return {
      seed: this.#options.seed,
      hash: this.#world.trace.hash,
      violation,
      virtualMs: this.#world.nowMs,
      operations: this.#recorder.operations,
      undecided: this.#undecided,
      coverage: this.#world.coverage,
      faults: this.#faults.injected,
      lastEvents: violation === undefined ? [] : this.#world.trace.last,
      history: this.#history,
    };
  }

  #play(): void {
    const world = this.#world;
    this.#cluster.start();
    for (const client of this.#clients) client.start();
    this.#faults.start();
    const { steps } = this.#options;
    world.run(FAULTS_MS_MAX, () => this.#recorder.operations >= steps);
    this.#faults.stop();
    world.run(world.nowMs + SETTLE_MS);
    for (const client of this.#clients) client.stop();
    if (this.#faults.budget.budgetExceeded) return this.#checkHistories();
    this.#awaitService();
    this.#readEverything();
    this.#awaitEqualReplicas();
    this.#checkReplicas();
    this.#surveyEverything();
    this.#checkHistories();
    // The engines of those that have never ended are looked at as well.
    for (const machine of this.#machines) machine.process?.crash("power");
  }

  /** Every shard takes a write through every node. */
  #awaitService(): void {
    const since = this.#world.nowMs;
    for (const machine of this.#sound) {
      for (const { group } of this.#plan.shards) {
        const key = this.#probeKey(group);
        this.#until("the cluster serves again", since, `a write of shard ${group} at ${machine.name}`, () =>
          this.#ask(machine, "set", key),
        );
      }
    }
    this.#until(
      "every request is answered",
      since,
      "what clients had sent",
      () => [...this.#recorder.open].length === 0,
    );
  }

  #probeKey(group: GroupId): string {
    for (let at = 0; ; at += 1) {
      const key = `probe:${at}`;
      if (shardOf(this.#plan, slot(slotOf(key))) === group) return key;
    }
  }

  /** What was acknowledged is there: the reads become part of the histories. */
  #readEverything(): void {
    const since = this.#world.nowMs;
    this.#recorder.keys.forEach((key, at) => {
      const machine = this.#sound[at % this.#sound.length] as Machine;
      this.#until("the cluster serves again", since, `a read of ${key} at ${machine.name}`, () =>
        this.#askAll(machine, key),
      );
    });
  }

  /** SCAN and DBSIZE through every node. */
  #surveyEverything(): void {
    const { surveys } = this.#recorder;
    for (const machine of this.#sound) {
      const since = this.#world.nowMs;
      const first = surveys.length;
      const surveyor = new Surveyor(`${FINAL} ${machine.name}`, this.#world, [machine], this.#recorder, false);
      surveyor.start();
      this.#until("the cluster serves again", since, `SCAN and DBSIZE at ${machine.name}`, () => {
        return new Set(surveys.slice(first).map(({ seen }) => typeof seen)).size === 2;
      });
      surveyor.stop();
    }
  }

  /** Every key that the history speaks of. */
  #askAll(machine: Machine, history: string): boolean {
    const keys = new Set(this.#recorder.of(history).flatMap((operation) => operation.keys));
    return [...keys].every((key) => this.#ask(machine, "get", history, key));
  }

  /** Asks once, and waits for the answer. */
  #ask(machine: Machine, kind: Operation["kind"], history: string, key: string = history): boolean {
    const world = this.#world;
    // It is still starting: nobody would ever answer.
    if (machine.node === undefined) return false;
    const operation = this.#recorder.begin(FINAL, history, { kind, keys: [key] });
    machine.process?.run(() => {
      call(machine, operation, false, (reply) => this.#recorder.end(operation, judge(operation, reply)));
    });
    world.run(world.nowMs + LIVENESS_MS, () => operation.outcome !== "open");
    return operation.outcome === "done";
  }

  #until(promise: string, sinceMs: number, what: string, reached: () => boolean): void {
    while (!reached()) {
      this.#world.run(this.#world.nowMs + POLL_MS);
      if (this.#world.nowMs - sinceMs > LIVENESS_MS) {
        throw new Violation(promise, `${what}: not within ${LIVENESS_MS} ms. ${this.#situation()}`);
      }
    }
  }

  #situation(): string {
    return this.#machines
      .map(({ name, node }) => {
        const groups = node?.status().groups ?? [];
        const lines = groups.map(
          ({ group, role, term, applied, commit, lastIndex, stopped }) =>
            `${group}: role ${role} term ${term} applied ${applied} commit ${commit} last ${lastIndex} ${stopped ?? ""}`,
        );
        return `${name} [${lines.join("; ")}]`;
      })
      .join(" ");
  }

  #awaitEqualReplicas(): void {
    this.#until("replicas catch up", this.#world.nowMs, "equal applied indexes", () => {
      const applied = new Map<GroupId, number>();
      return this.#sound.every(({ node }) =>
        (node?.status().groups ?? []).every((group) => {
          const other = applied.get(group.group) ?? group.applied;
          applied.set(group.group, other);
          return group.stopped === undefined && group.applied === other && group.commit === other;
        }),
      );
    });
  }

  #checkReplicas(): void {
    const states: ReplicaState[] = [];
    for (const machine of this.#sound) {
      for (const space of machine.store?.spaces ?? []) states.push(this.#stateOf(machine, space));
    }
    compareStates(states);
  }

  /** A snapshot as another replica would get it: all rows, sessions and counts. */
  #stateOf(machine: Machine, space: Space): ReplicaState {
    let state: ReplicaState | undefined;
    let digest = 0;
    const read = (reader: SnapshotReader): void =>
      reader.next((chunk) => {
        if (chunk !== undefined) {
          digest = crc32(chunk, digest);
          read(reader);
          return;
        }
        reader.close();
        state = { node: machine.name, group: space.group, applied: reader.applied, digest };
      });
    machine.process?.run(() => machine.store?.openSnapshot(space, read));
    const since = this.#world.nowMs;
    this.#until("replicas can be read", since, `the rows of group ${space.group}`, () => state !== undefined);
    return state as unknown as ReplicaState;
  }

  /** What a history says last before a moment. */
  #before({ history, moment }: NonNullable<Violation["where"]>): readonly Operation[] {
    return this.#recorder
      .of(history)
      .filter(({ began }) => began <= moment)
      .slice(-HISTORY_BEFORE);
  }

  /** The part of a key's history in which these stand. */
  #around(key: string, stuck: readonly Operation[]): readonly Operation[] {
    const history = this.#recorder.of(key);
    const first = Math.min(...stuck.map((operation) => history.indexOf(operation)));
    return history.slice(Math.max(0, first - HISTORY_BEFORE), first + HISTORY_BEHIND);
  }

  #checkHistories(): void {
    const { keys, surveys } = this.#recorder;
    checkSurveys(
      keys.map((key) => this.#recorder.of(key)),
      surveys,
    );
    for (const key of this.#recorder.keys) {
      checkAborts(this.#recorder.of(key));
      checkStaleReads(key, this.#recorder.of(key), this.#recorder.staleReadsOf(key));
      const verdict = checkKey(this.#recorder.of(key));
      if (verdict.linearizable === undefined) this.#undecided += 1;
      if (verdict.linearizable !== false) continue;
      this.#history = this.#around(key, verdict.stuck);
      const stuck = verdict.stuck.map(describe).join("\n");
      const last = verdict.explained.slice(-3).map(describe).join("\n");
      const promise = verdict.stuck.some(isFinal) ? "what was acknowledged is there at the end" : "linearizability";
      throw new Violation(promise, `key ${key}: nothing explains\n${stuck}\nafter\n${last}`);
    }
  }
}
