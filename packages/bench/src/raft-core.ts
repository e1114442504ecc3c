/**
 * What the Raft core costs: three replicas in one thread, messages handed over in memory, writes durable at once.
 *
 *   node scripts/run.mjs packages/bench/dist/raft-core.js
 *
 * Each round packs the operations of a group into one entry, as a pass does. Reported per operation and node: the CPU
 * time of all rounds (of this process, so that other load on the machine counts less) divided by operations and by three.
 */
import { readFileSync } from "node:fs";
import { type GroupId, groupId, type Index, type ReplicaId, replicaId } from "sherd/core/base";
import {
  BOOTSTRAP,
  createRaftCore,
  type Entry,
  type OutMessage,
  RAFT_CORE_OPTIONS,
  type RaftCore,
  type RaftEvents,
  type Ready,
} from "sherd/core/raft";

const VALUE_BYTES = 120;
const WARM_UP_MS = 500;
const MEASURED_MS = 3_000;
const REPLICAS = [replicaId(1), replicaId(2), replicaId(3)];

const wasm = readFileSync(new URL("../../server/wasm/raft-core.wasm", import.meta.url));

class BenchNode implements RaftEvents {
  readonly core: RaftCore;
  readonly replica: ReplicaId;
  readonly outbox: { readonly group: GroupId; readonly message: OutMessage }[] = [];
  committedBytes = 0;
  /** There is input that the core has not seen: a node runs a pass for nothing less. */
  hasInput = true;
  readonly #persisted: {
    readonly group: GroupId;
    readonly number: number;
    readonly messages: readonly OutMessage[];
  }[] = [];
  readonly #applied: { readonly group: GroupId; readonly index: Index }[] = [];

  constructor(replica: ReplicaId, groups: readonly GroupId[]) {
    this.replica = replica;
    let seed: number = replica;
    const random = (): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) | 0;
      return seed;
    };
    this.core = createRaftCore(wasm, RAFT_CORE_OPTIONS, { random, log: (level, text) => console.error(level, text) });
    for (const group of groups) {
      this.core.open({
        group,
        replica,
        hardState: { term: BOOTSTRAP.term, vote: replicaId(0), commit: BOOTSTRAP.index },
        confState: { voters: REPLICAS, learners: [], votersOutgoing: [], learnersNext: [], autoLeave: false },
        applied: BOOTSTRAP.index,
        truncated: BOOTSTRAP,
        termRuns: [],
        last: BOOTSTRAP.index,
        entries: [],
      });
    }
  }

  /** Runs the core until it has nothing more to say; a disk that takes no time. */
  settle(): void {
    let more = this.hasInput;
    this.hasInput = false;
    while (more) {
      more = this.core.exec(this);
      for (const { group, number, messages } of this.#persisted.splice(0)) {
        this.core.persisted(group, number);
        for (const message of messages) this.outbox.push({ group, message });
        more = true;
      }
      for (const { group, index: applied } of this.#applied.splice(0)) this.core.applied(group, applied);
    }
  }

  onMessage(group: GroupId, message: OutMessage): void {
    this.outbox.push({ group, message });
  }
  onReady(ready: Ready): void {
    this.#persisted.push({ group: ready.group, number: ready.number, messages: ready.messagesAfterPersist });
  }
  onCommitted(group: GroupId, entries: readonly Entry[]): void {
    for (const entry of entries) this.committedBytes += entry.data.length;
    const last = entries[entries.length - 1];
    if (last !== undefined) this.#applied.push({ group, index: last.index });
  }
  onProposed(): void {}
  onDropped(): void {
    throw new Error("the leader dropped a proposal");
  }
  onReadReady(): void {}
  onReadDropped(): void {}
  onRole(): void {}
  onEntriesWanted(): void {}
  onSnapshotWanted(): void {}
  onConfState(): void {}
}

/** Until no message is under way. */
function exchange(nodes: readonly BenchNode[]): void {
  let busy = true;
  while (busy) {
    busy = false;
    for (const node of nodes) node.settle();
    for (const node of nodes) {
      for (const { group, message } of node.outbox.splice(0)) {
        const receiver = nodes[message.to - 1] as BenchNode;
        receiver.core.step(group, message.bytes);
        receiver.hasInput = true;
        busy = true;
      }
    }
  }
}

function measure(groupCount: number, opsPerRound: number): void {
  const groups = Array.from({ length: groupCount }, (_, i) => groupId(i + 1));
  const startedMs = performance.now();
  const nodes = REPLICAS.map((replica) => new BenchNode(replica, groups));
  const openMs = (performance.now() - startedMs) / nodes.length;
  // Leaders spread over the nodes, as in a real cluster.
  const leaderOf = (group: GroupId): BenchNode => nodes[group % nodes.length] as BenchNode;
  for (const group of groups) leaderOf(group).core.campaign(group);
  for (const node of nodes) node.hasInput = true;
  exchange(nodes);

  const data = new Uint8Array(opsPerRound * VALUE_BYTES);
  let ticket = 0;
  const runFor = (ms: number): { rounds: number; cpuUs: number } => {
    const begunMs = performance.now();
    const begun = process.cpuUsage();
    let rounds = 0;
    while (performance.now() - begunMs < ms) {
      for (const group of groups) {
        leaderOf(group).core.propose(group, ++ticket, data);
        leaderOf(group).hasInput = true;
      }
      exchange(nodes);
      rounds += 1;
    }
    const { user, system } = process.cpuUsage(begun);
    return { rounds, cpuUs: user + system };
  };
  runFor(WARM_UP_MS);
  const before = nodes[0]?.committedBytes ?? 0;
  const { rounds, cpuUs } = runFor(MEASURED_MS);
  const ops = rounds * groupCount * opsPerRound;
  const committed = ((nodes[0]?.committedBytes ?? 0) - before) / VALUE_BYTES;
  // Followers learn of a commit with the next append: the last round may be missing on this node, nothing else.
  if (committed < ops - 2 * groupCount * opsPerRound)
    throw new Error(`${committed} of ${ops} operations were committed`);
  const perOpUs = cpuUs / ops / nodes.length;
  const memoryMb = (nodes[0]?.core.memoryBytes ?? 0) / 1024 / 1024;
  const columns = [
    `${groupCount} groups x ${opsPerRound} ops a round`.padEnd(32),
    `${perOpUs.toFixed(2)} CPU us per op and node`.padEnd(32),
    `start ${openMs.toFixed(1)} ms`.padEnd(16),
    `wasm memory ${memoryMb.toFixed(1)} MB`,
  ];
  console.log(columns.join(""));
}

// The first core compiles the module; that belongs to no row.
measure(1, 1);
console.log("-- compiled");
measure(1, 1);
measure(16, 64);
measure(4, 256);
