import { readFileSync } from "node:fs";
import type { ClusterMap } from "sherd/core/meta";
import { Agreement } from "./checkers/index.ts";
import { type NetworkOptions, SimNetwork } from "./network/index.ts";
import { Machine, type Sabotage, type Sizes } from "./node/index.ts";
import { makePlan, shardOf } from "./plan.ts";
import { Recorder } from "./workload/index.ts";
import { World } from "./world/index.ts";

const WASM = new URL("../../server/wasm/raft-core.wasm", import.meta.url);

let wasm: Uint8Array | undefined;

/** The production Raft core. The same bytes every time, so that they are compiled once. */
function raftCoreBytes(): Uint8Array {
  wasm ??= new Uint8Array(readFileSync(WASM));
  return wasm;
}

export interface ClusterOptions {
  readonly nodes: number;
  readonly shards: number;
  readonly network: NetworkOptions;
  readonly sizes: Sizes;
  readonly diskWriteMs: readonly [number, number];
  readonly diskReadMs?: readonly [number, number] | undefined;
  readonly engineMs: readonly [number, number];
  readonly sabotage: Sabotage | undefined;
}

/** Machines of one cluster in one world, all off, and what they must agree on. */
export class Cluster {
  readonly world: World;
  readonly plan: ClusterMap;
  readonly network: SimNetwork;
  readonly machines: readonly Machine[];
  readonly recorder: Recorder;

  constructor(world: World, options: ClusterOptions) {
    this.world = world;
    this.plan = makePlan(options.nodes, options.shards);
    this.network = new SimNetwork(world, [...this.plan.nodes.keys()], options.network);
    this.recorder = new Recorder(world);
    const agreement = new Agreement(world, (slot) => shardOf(this.plan, slot));
    this.machines = [...this.plan.nodes.values()].map(
      (info) =>
        new Machine({
          world,
          network: this.network,
          plan: this.plan,
          info,
          wasm: raftCoreBytes(),
          sizes: options.sizes,
          diskWriteMs: options.diskWriteMs,
          diskReadMs: options.diskReadMs,
          engineMs: options.engineMs,
          watcher: agreement.watch(info.name, () => this.#machine(info.name).unsound),
          sabotage: options.sabotage,
        }),
    );
  }

  #machine(name: string): Machine {
    return this.machines.find((machine) => machine.name === name) as Machine;
  }

  start(): void {
    for (const machine of this.machines) machine.start();
  }
}
