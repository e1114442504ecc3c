import { InvariantViolation, SherdError, type Slot } from "../base/index.ts";
import { type CommandSpec, NOT_RESIDENT, OK, type Reply } from "../command/index.ts";
import {
  AppliedState,
  EntryDecoder,
  initialSystemRows,
  Opcode,
  type ReplySink,
  type StateMachine,
} from "../machine/index.ts";
import type { Entry } from "../raft/index.ts";
import type { RowNeed, Space } from "../store/index.ts";
import { decodeAnnouncement } from "./announcement.ts";
import { announceNode, changeUsers, decodeMap, encodeMap, usersVersion } from "./map.ts";
import type { ClusterMap, NodeInfo } from "./types.ts";
import { decodeUsersChange, type UsersChange } from "./users.ts";

const MAP_ROW = "map";
const NOTHING: RowNeed[] = [];

/** Kind of the reply to a change of users that was made from others; its text is the version of those that there are. */
export const USERS_CONFLICT = "CONFLICT";

/** Rows of a meta replica that begins with the cluster: the plan is its first map. */
export function metaSystemRows(plan: ClusterMap): Map<string, Uint8Array> {
  const rows = initialSystemRows(plan.metaReplicas.map((member) => member.replica));
  rows.set(MAP_ROW, encodeMap(plan));
  return rows;
}

export class MetaMachine implements StateMachine {
  readonly applied: AppliedState;
  readonly #space: Space;
  readonly #onMap: (map: ClusterMap) => void;
  readonly #decoder: EntryDecoder = new EntryDecoder();
  #map: ClusterMap;

  constructor(space: Space, onMap: (map: ClusterMap) => void) {
    this.#space = space;
    this.#onMap = onMap;
    this.applied = AppliedState.read((name) => space.system(name));
    const row = space.system(MAP_ROW);
    if (row === undefined) throw new SherdError("SHERD_STORE_DAMAGED", "The meta group's rows have no cluster map.");
    this.#map = decodeMap(row, "the meta group's rows");
    onMap(this.#map);
  }

  readonly keys = 0;

  keysInSlot(): number {
    return 0;
  }

  slotOfKey(): Slot {
    throw new InvariantViolation("the meta group has no keys");
  }

  readonly missingNothingLasts = true;

  nothingMissing(): void {}

  missing(): RowNeed[] {
    return NOTHING;
  }

  lengthOf(): number {
    return 0;
  }

  missingForRead(): RowNeed[] {
    return NOTHING;
  }

  apply(entry: Entry, replies: ReplySink | undefined): void {
    const decoder = this.#decoder;
    decoder.open(entry.data, `meta group, index ${entry.index}`);
    let map = this.#map;
    for (let position = 0; decoder.next(); position += 1) {
      const { opcode, args } = decoder.command;
      let reply: Reply = OK;
      if (opcode === Opcode.announce) map = announceNode(map, parseNode(args[0]), entry.index);
      else if (opcode === Opcode.users) {
        const changed = changeUsers(map, parseUsers(args[0]), entry.index);
        reply = usersReply(map, changed);
        map = changed;
      } else if (opcode !== Opcode.time) {
        throw new SherdError("SHERD_ENTRY_UNREADABLE", `Meta group, index ${entry.index}: unknown command ${opcode}.`);
      }
      replies?.reply(position, reply);
    }
    this.applied.logTimeMs = Math.max(this.applied.logTimeMs, decoder.logTimeMs);
    this.applied.advance(entry.index, entry.term);
    if (map !== this.#map) {
      this.#map = map;
      this.#onMap(map);
    }
  }

  read(_spec: CommandSpec, _slot: Slot, _args: readonly Uint8Array[]): Reply | typeof NOT_RESIDENT {
    return { type: "error", kind: "ERR", text: "the meta group has no keys" };
  }

  readonly expiringKeys = 0;
  readonly undecided = false;

  /** Nothing of it is a key. */
  countRead(): void {}

  workOfRead(): number {
    return 0;
  }

  changedSince(): boolean {
    return false;
  }

  freeze(): void {
    this.applied.write((name, bytes) => this.#space.putSystem(name, bytes));
    this.#space.putSystem(MAP_ROW, encodeMap(this.#map));
  }
}

function parseNode(bytes: Uint8Array | undefined): NodeInfo {
  const info = bytes === undefined ? undefined : decodeAnnouncement(bytes);
  if (info === undefined) throw new SherdError("SHERD_ENTRY_UNREADABLE", "An announcement names no node.");
  return info;
}

function parseUsers(bytes: Uint8Array | undefined): UsersChange {
  const change = bytes === undefined ? undefined : decodeUsersChange(bytes);
  if (change === undefined) throw new SherdError("SHERD_ENTRY_UNREADABLE", "A change of users holds none.");
  return change;
}

/** The version that the users have now, or that of those that were there instead. */
function usersReply(before: ClusterMap, after: ClusterMap): Reply {
  if (after === before) return { type: "error", kind: USERS_CONFLICT, text: String(usersVersion(before)) };
  return { type: "integer", value: usersVersion(after) };
}
