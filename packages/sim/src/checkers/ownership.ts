import { SLOT_COUNT } from "sherd/core/base";
import type { ClusterMap } from "sherd/core/meta";
import { Violation } from "../world/index.ts";

/**
 * In every cluster map that a node holds, each slot belongs to one shard and each replica to one place; and maps of one
 * version are the same everywhere, but for what nodes heard of each other's addresses.
 */
export class Ownership {
  readonly #owners: Map<number, { readonly node: string; readonly shards: string }> = new Map();

  check(node: string, { version, shards, metaReplicas }: ClusterMap): void {
    const owners = new Array<number | undefined>(SLOT_COUNT);
    const replicas = new Set<number>(metaReplicas.map(({ replica }) => replica));
    let members = metaReplicas.length;
    for (const shard of shards) {
      for (const { from, to } of shard.slots) {
        for (let slot = from; slot <= to; slot += 1) {
          const other = owners[slot];
          if (other !== undefined) throw wrong(`${node}: slot ${slot} belongs to shards ${other} and ${shard.group}`);
          owners[slot] = shard.group;
        }
      }
      members += shard.replicas.length;
      for (const { replica } of shard.replicas) replicas.add(replica);
      if (new Set(shard.replicas.map((member) => member.node)).size < shard.replicas.length) {
        throw wrong(`${node}: shard ${shard.group} has two replicas on one node`);
      }
    }
    const free = owners.findIndex((owner) => owner === undefined);
    if (free >= 0) throw wrong(`${node}: slot ${free} belongs to no shard`);
    if (replicas.size < members) throw wrong(`${node}: a replica id is used twice`);
    this.#compare(node, version, JSON.stringify([shards, metaReplicas]));
  }

  #compare(node: string, version: number, shards: string): void {
    const other = this.#owners.get(version);
    if (other === undefined) this.#owners.set(version, { node, shards });
    else if (other.shards !== shards)
      throw wrong(`the maps ${version} of ${other.node} and ${node} differ in their shards`);
  }
}

const wrong = (detail: string): Violation => new Violation("slots have one owner", detail);
