import { crc32, type GroupId, type Index, META_GROUP, type ReplicaId, type Slot, type Term } from "sherd/core/base";
import type { Log } from "sherd/core/log";
import type { ClusterMap } from "sherd/core/meta";
import type { Node } from "sherd/core/node";
import { type Entry, type Ready, Role } from "sherd/core/raft";
import type { NodeWatcher, RowChange } from "../node/index.ts";
import { Violation, type World } from "../world/index.ts";
import { Durability } from "./durability.ts";
import { Ownership } from "./ownership.ts";
import { AppliedRows } from "./rows.ts";
import { SessionTable } from "./session-table.ts";

interface Said {
  readonly by: string;
  readonly what: string;
}

/**
 * What all nodes must agree on, checked the moment one of them says it: one leader a term, one entry an index, the same
 * effects of the same entry; and what each must find again after its process ended.
 */
export class Agreement {
  readonly #world: World;
  readonly #shardOf: (slot: Slot) => GroupId;
  readonly #leaders: Map<string, Said> = new Map();
  readonly #entries: Map<string, Said> = new Map();
  readonly #effects: Map<string, Said> = new Map();
  readonly rows: AppliedRows = new AppliedRows(crc32);
  readonly ownership: Ownership = new Ownership();
  readonly sessions: SessionTable = new SessionTable();

  constructor(world: World, shardOf: (slot: Slot) => GroupId) {
    this.#world = world;
    this.#shardOf = shardOf;
  }

  /** `unsound`: whether the node's disk may have lost what it took; then nothing is expected of it. */
  watch(name: string, unsound: () => boolean = () => false): NodeWatcher {
    return new Watcher(name, unsound, this.#world, this, this.#shardOf);
  }

  leads(group: GroupId, term: Term, by: string): void {
    this.#agree(this.#leaders, "one leader a term", `group ${group}, term ${term}`, { by, what: by });
  }

  committed(group: GroupId, entry: Entry, by: string): void {
    const what = `term ${entry.term}, kind ${entry.kind}, ${entry.data.length} bytes, crc ${crc32(entry.data)}`;
    this.#agree(this.#entries, "committed entries match", `group ${group}, index ${entry.index}`, { by, what });
    if (group === META_GROUP) return;
    if (this.sessions.committed(group, entry)) this.rows.flushed(group, entry.index);
  }

  effects(group: GroupId, index: number, what: string, by: string): void {
    this.#agree(this.#effects, "replicas do the same", `group ${group}, index ${index}`, { by, what });
  }

  #agree(said: Map<string, Said>, promise: string, place: string, now: Said): void {
    const before = said.get(place);
    if (before === undefined) said.set(place, now);
    else if (before.what !== now.what) {
      throw new Violation(promise, `${place}: ${before.by} had ${before.what}; ${now.by} has ${now.what}`);
    }
  }
}

class Watcher implements NodeWatcher {
  readonly #name: string;
  readonly #world: World;
  readonly #agreement: Agreement;
  readonly #shardOf: (slot: Slot) => GroupId;
  readonly #unsound: () => boolean;
  readonly #durability: Durability;
  #boots = 1;
  /** The newest that was looked at. */
  #map: ClusterMap | undefined;
  /** Effects of the entry that is being applied. */
  #applying:
    | {
        readonly group: GroupId;
        readonly index: number;
        effects: string;
        readonly commands: string[];
        readonly changes: RowChange[];
      }
    | undefined;

  constructor(
    name: string,
    unsound: () => boolean,
    world: World,
    agreement: Agreement,
    shardOf: (slot: Slot) => GroupId,
  ) {
    this.#name = name;
    this.#unsound = unsound;
    this.#durability = new Durability(name);
    this.#world = world;
    this.#agreement = agreement;
    this.#shardOf = shardOf;
  }

  onRole(group: GroupId, role: Role, leader: ReplicaId, term: Term): void {
    this.#world.trace.event(`${this.#name} group ${group}: role ${role}, leader ${leader}, term ${term}`);
    if (role !== Role.leader) return;
    this.#world.coverage.count("leader elected");
    this.#agreement.leads(group, term, `${this.#name} boot ${this.#boots}`);
  }

  onCommitted(group: GroupId, entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.#world.trace.mix(entry.index);
      this.#agreement.committed(group, entry, this.#name);
    }
  }

  onReady(ready: Ready): void {
    if (ready.snapshot !== undefined) this.#world.coverage.count("snapshot accepted");
    if (ready.entries.length > 0) this.#world.coverage.count("append");
  }

  onDropped(_group: GroupId): void {
    this.#world.coverage.count("proposal dropped");
  }

  onEffect(index: number, slot: Slot, command: string, effect: string, changes: readonly RowChange[]): void {
    const group = this.#shardOf(slot);
    if (this.#applying?.index !== index || this.#applying.group !== group) {
      this.#finish();
      this.#applying = { group, index, effects: "", commands: [], changes: [] };
    }
    this.#applying.effects += `${command} ${effect}; `;
    this.#applying.commands.push(command);
    this.#applying.changes.push(...changes);
  }

  onPassEnd({ map }: Node): void {
    if (map !== this.#map) this.#agreement.ownership.check(this.#name, map);
    this.#map = map;
    this.#finish();
  }

  onProcessEnd(): void {
    this.#applying = undefined;
    this.#boots += 1;
  }

  onImage(rows: ReadonlyMap<string, Uint8Array>): void {
    if (!this.#unsound()) this.#agreement.rows.check(this.#name, rows);
  }

  watchLog(log: Log): Log {
    if (this.#unsound()) this.#durability.forget();
    return this.#durability.watch(log);
  }

  #finish(): void {
    const entry = this.#applying;
    if (entry === undefined) return;
    this.#applying = undefined;
    this.#agreement.sessions.applied(entry.group, entry.index, entry.commands, this.#name);
    this.#agreement.effects(entry.group, entry.index, entry.effects, this.#name);
    this.#agreement.rows.applied(entry.group, entry.index, entry.changes);
  }
}

/** Position of a replica's state and a digest of its rows. */
export interface ReplicaState {
  readonly node: string;
  readonly group: GroupId;
  readonly applied: Index;
  readonly digest: number;
}

/** Replicas that stand at the same index hold the same rows. */
export function compareStates(states: readonly ReplicaState[]): void {
  const first = new Map<string, ReplicaState>();
  for (const state of states) {
    const place = `group ${state.group}, index ${state.applied}`;
    const other = first.get(place);
    if (other === undefined) first.set(place, state);
    else if (other.digest !== state.digest) {
      throw new Violation("replicas are equal", `${place}: the rows of ${other.node} and ${state.node} differ`);
    }
  }
}
