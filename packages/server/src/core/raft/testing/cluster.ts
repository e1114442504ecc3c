/** Replicas of one group and a network between them that does nothing by itself. */
import { assert, type Index, index, replicaId } from "../../base/index.ts";
import type { OutMessage, RaftCoreOptions } from "../index.ts";
import { decodeMessage, describeMessage, MESSAGE_TYPES } from "./message.ts";
import { confStateOf, type DiskState, firstDisk, GROUP, type MachineState, type Observer, Replica } from "./replica.ts";

export interface Envelope {
  readonly from: number;
  readonly to: number;
  readonly type: string;
  readonly bytes: Uint8Array;
  /** The rows that travel before a snapshot message. */
  readonly snapshot: MachineState | undefined;
}

/** Rounds of delivering and syncing after which a group that has not come to rest never will. */
const SETTLE_ROUNDS_MAX = 1_000;

export class Cluster implements Observer {
  readonly replicas: Map<number, Replica> = new Map<number, Replica>();
  /** Disks of replicas that are down. */
  readonly disks: Map<number, DiskState> = new Map<number, DiskState>();
  readonly network: Envelope[] = [];
  /** `from>to`: what is sent there is lost. */
  readonly cut: Set<string> = new Set<string>();
  lines: string[] = [];
  readonly #options: Partial<RaftCoreOptions>;
  #seed: number;

  constructor(seed: number, options: Partial<RaftCoreOptions> = {}) {
    this.#seed = seed;
    this.#options = options;
  }

  /** A small generator of its own: the same seed gives the same run. */
  random = (): number => {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    // The low bits of such a generator repeat soon.
    return Math.imul(this.#seed ^ (this.#seed >>> 15), 0x2c1b3c6d) >>> 0;
  };

  /** The first members, all of which know each other. */
  bootstrap(voters: readonly number[], learners: readonly number[] = []): void {
    for (const id of [...voters, ...learners]) this.start(id, firstDisk(confStateOf(voters, learners)));
  }

  /** A new replica: it waits for a snapshot. */
  add(id: number): void {
    this.start(id, firstDisk(confStateOf([])));
  }

  start(id: number, disk: DiskState): Replica {
    const replica = new Replica(replicaId(id), disk, this, this.random, this.#options);
    this.replicas.set(id, replica);
    this.disks.delete(id);
    return replica;
  }

  /** Everything that was not durable is gone. */
  crash(id: number): void {
    this.disks.set(id, this.get(id).disk);
    this.replicas.delete(id);
  }

  restart(id: number): Replica {
    const disk = this.disks.get(id);
    assert(disk !== undefined, `replica ${id} is down`);
    return this.start(id, disk);
  }

  get(id: number): Replica {
    const replica = this.replicas.get(id);
    assert(replica !== undefined, `replica ${id} is up`);
    return replica;
  }

  send(from: Replica, message: OutMessage): void {
    const type = MESSAGE_TYPES[message.type] ?? String(message.type);
    const index = type === "Snapshot" ? decodeMessage(message.bytes).snapshot?.index : undefined;
    const snapshot = index === undefined ? undefined : from.offered.get(index as Index);
    this.network.push({ from: from.id, to: message.to, type, bytes: message.bytes, snapshot });
  }

  note(replica: Replica, text: string): void {
    this.lines.push(`${replica.id} ${text}`);
  }

  /** Takes messages out of the network. */
  take(wanted: (envelope: Envelope) => boolean): Envelope[] {
    const taken = this.network.filter(wanted);
    const left = this.network.filter((envelope) => !taken.includes(envelope));
    this.network.splice(0, this.network.length, ...left);
    return taken;
  }

  /** Hands messages over, then runs their receivers. */
  deliver(envelopes: readonly Envelope[]): void {
    const receivers = new Set<Replica>();
    for (const envelope of envelopes) {
      const receiver = this.replicas.get(envelope.to);
      const lost = receiver === undefined || this.cut.has(`${envelope.from}>${envelope.to}`);
      this.lines.push(`${envelope.from}->${envelope.to} ${describeMessage(envelope.bytes)}${lost ? " LOST" : ""}`);
      if (envelope.snapshot !== undefined) {
        if (!lost) receiver.staged.set(envelope.snapshot.position.index, envelope.snapshot);
        this.replicas.get(envelope.from)?.core.reportSnapshot(GROUP, replicaId(envelope.to), !lost);
      }
      if (lost) continue;
      const staged = envelope.snapshot?.position.index;
      if (staged === undefined) receiver.core.step(GROUP, envelope.bytes);
      else receiver.core.stepSnapshot(GROUP, index(staged), envelope.bytes);
      receivers.add(receiver);
    }
    for (const receiver of receivers) receiver.run();
  }

  /** Delivers and syncs until nothing is under way. */
  settle(): void {
    for (let round = 0; round < SETTLE_ROUNDS_MAX; round += 1) {
      for (const replica of this.replicas.values()) {
        replica.sync();
        replica.run();
      }
      const envelopes = this.take(() => true);
      if (envelopes.length === 0) return;
      this.deliver(envelopes);
    }
    assert(false, "the group comes to rest");
  }
}
