import { type GroupId, META_GROUP, type NodeId, SLOT_COUNT, type Slot } from "../base/index.ts";
import { type ClusterMap, encodeMap, type NodeInfo } from "../meta/index.ts";
import { encodeMapMessage, encodeMapWanted } from "./messages.ts";

/**
 * This node's copy of the cluster map. A node with a replica of the meta group learns a new map by applying it; the
 * others see a newer version in a peer's hints and fetch it.
 */
export class MapKeeper {
  readonly #self: NodeInfo;
  readonly #send: (to: NodeId, message: Uint8Array) => void;
  readonly #changed: (map: ClusterMap) => void;
  readonly #groups: Uint32Array = new Uint32Array(SLOT_COUNT);
  #current: ClusterMap;
  /** Addresses heard in handshakes, newer than the map's: used until the meta group has them. */
  readonly #heard: Map<NodeId, NodeInfo> = new Map();

  constructor(
    self: NodeInfo,
    map: ClusterMap,
    send: (to: NodeId, message: Uint8Array) => void,
    changed: (map: ClusterMap) => void,
  ) {
    this.#self = self;
    this.#send = send;
    this.#changed = changed;
    this.#current = map;
    this.#index();
  }

  get current(): ClusterMap {
    return this.#current;
  }

  /** See `NodeApi.mapIsCurrent`: only the meta group writes the announcement of this start into a map. */
  get isCurrent(): boolean {
    const known = this.#current.nodes.get(this.#self.id);
    return known !== undefined && known.bootCounter >= this.#self.bootCounter;
  }

  shardOf(slot: Slot): GroupId | undefined {
    const group = this.#groups[slot] as GroupId;
    return group === META_GROUP ? undefined : group;
  }

  update(newer: ClusterMap): void {
    if (newer.version <= this.#current.version) return;
    // A replica that starts shows older maps once more: who was locked out must not get in meanwhile.
    const { users } = this.#current;
    const map = users !== undefined && usersAge(newer) < users.version ? { ...newer, users } : newer;
    this.#current = map;
    this.#changed(map);
    for (const info of this.#heard.values()) this.#overlay(info);
    this.#index();
  }

  /** A node said where it is, in a handshake. */
  heard(info: NodeInfo): void {
    const before = this.#heard.get(info.id);
    if (before !== undefined && before.bootCounter >= info.bootCounter) return;
    this.#heard.set(info.id, info);
    this.#overlay(info);
  }

  peerHas(node: NodeId, version: number): void {
    if (version > this.#current.version) this.#send(node, encodeMapWanted());
  }

  sendTo(node: NodeId): void {
    this.#send(node, encodeMapMessage(encodeMap(this.#current)));
  }

  receive(map: ClusterMap): void {
    if (map.clusterId === this.#current.clusterId) this.update(map);
  }

  #overlay(info: NodeInfo): void {
    const known = this.#current.nodes.get(info.id);
    if (known === undefined || known.bootCounter >= info.bootCounter) return;
    const nodes = new Map(this.#current.nodes);
    // The boot counter stays the map's: the meta group has not heard of the newer one yet.
    nodes.set(info.id, { ...known, addresses: info.addresses });
    this.#current = { ...this.#current, nodes };
  }

  #index(): void {
    this.#groups.fill(META_GROUP);
    for (const shard of this.#current.shards) {
      for (const range of shard.slots) this.#groups.fill(shard.group, range.from, range.to + 1);
    }
  }
}

/** Version 0, what the node was started with, is newer than nothing. */
const usersAge = ({ users }: ClusterMap): number => users?.version ?? -1;
