import {
  bootCounter,
  DISK_CHECK_MS,
  DISK_RESERVE_BYTES,
  type DirectoryId,
  directoryId,
  SherdError,
  TICK_MS,
  utf8,
  utf8Bytes,
} from "sherd/core/base";
import { commandByOpcode } from "sherd/core/command";
import type { Disk } from "sherd/core/env";
import { type Log, type LogHandler, openLog } from "sherd/core/log";
import type { NodeInfo } from "sherd/core/meta";
import { type Node, openNode } from "sherd/core/node";
import { openPeers, type Peers, type PeersHandler } from "sherd/core/peer";
import { createRaftCore, RAFT_CORE_OPTIONS } from "sherd/core/raft";
import { openStore, type Store } from "sherd/core/store";
import { faultyLinks } from "../network/index.ts";
import type { Random } from "../world/index.ts";
import { type Clocks, type ObservedEngine, SimEnv } from "./env.ts";
import type { MachineOptions } from "./machine.ts";
import { observeCommands, observeLinks } from "./observe.ts";
import { observeRaft } from "./observed-raft.ts";
import type { SimProcess } from "./process.ts";
import type { Sabotaged } from "./sabotage.ts";

/** What one process is made of. */
export interface BootOptions extends MachineOptions {
  readonly process: SimProcess;
  /** Of this process alone. */
  readonly random: Random;
  readonly clocks: Clocks;
  readonly disk: Disk;
  readonly engine: ObservedEngine;
  /** Where the node is now. */
  readonly self: NodeInfo;
  /** Peer addresses of others, as `start` passes them. */
  readonly seeds: readonly string[];
  readonly serves: (node: Node, store: Store) => void;
}

/** File of a node whose replicas have begun, as the daemon writes it. */
export const BOOTSTRAPPED = "bootstrapped";
const IDENTITY = "identity";
const TICK_JITTER_MS = 4;

interface Parts {
  readonly env: SimEnv;
  readonly log: Log;
  readonly store: Store;
  readonly self: NodeInfo & { readonly directory: DirectoryId };
  readonly events: LateEvents;
}

/** Builds a node as `daemon/compose.ts` does, on simulated env. */
export class Boot {
  readonly #options: BootOptions;
  readonly #at: Sabotaged;

  constructor(options: BootOptions) {
    this.#options = options;
    this.#at = { world: options.world, process: options.process };
  }

  start(): void {
    const { world, process, clocks, random, disk, engine, sabotage, sizes, watcher } = this.#options;
    const env = new SimEnv(world, process, clocks, random.stream("env"));
    const self = this.#identify();
    const events = new LateEvents(this.#options);
    openLog(env, disk, sizes.log, events, (opened) => {
      const log = watcher.watchLog(sabotage?.log?.(opened, this.#at) ?? opened);
      openStore(env, engine, sizes.store, (found) => {
        const store = sabotage?.store?.(found, this.#at) ?? found;
        env.pass = () => store.pass();
        this.#open({ env, log, store, self, events });
        env.requestPass();
      });
    });
  }

  /** The directory's identity, counted up for this start; a directory without one is new. */
  #identify(): NodeInfo & { directory: DirectoryId } {
    const { disk, self, random } = this.#options;
    const found = disk.readFile(IDENTITY);
    const [directory, boots] =
      found === undefined
        ? [directoryId(Array.from({ length: 5 }, () => random.u32().toString(16).padStart(8, "0")).join("")), 0]
        : (JSON.parse(utf8(found)) as [DirectoryId, number]);
    disk.writeFile(IDENTITY, utf8Bytes(JSON.stringify([directory, boots + 1])));
    return { ...self, directory, bootCounter: bootCounter(boots + 1) };
  }

  #open({ env, log, store, self, events }: Parts): void {
    const { world, process, plan, wasm, watcher, disk, sabotage, network, random, seeds, sizes } = this.#options;
    const bootstrapped = disk.readFile(BOOTSTRAPPED) !== undefined;
    if (bootstrapped && log.created) throw new SherdError("SHERD_LOG_GAP", `The log of ${self.name} is gone.`);
    const core = createRaftCore(
      wasm,
      { ...RAFT_CORE_OPTIONS, ...sizes.raft },
      {
        random: () => env.random32(),
        log: (level, text) => env.log(level, `raft: ${text}`),
      },
    );
    const raft = observeRaft(sabotage?.raft?.(core, this.#at) ?? core, watcher);
    const { host, peerPort } = self.addresses;
    const run = (body: () => void): void => process.run(body);
    const bound = network.bind(self.id, `${host}:${peerPort}`, run);
    const identity = { ...self, nodeId: self.id, clusterId: plan.clusterId, directoryId: self.directory };
    const peers = openPeers(env, bound, disk, { self: identity, members: [...plan.nodes.values()], seeds }, events);
    const faulty = faultyLinks(peers, network, world, random.stream("messages"), run);
    const links = observeLinks(faulty, process, world.coverage);
    const ready = (node: Node): void => this.#ready(node, peers, env, store, events, bootstrapped);
    openNode(
      {
        self,
        env,
        raft,
        log,
        store,
        links: sabotage?.links?.(links, this.#at) ?? links,
        map: plan,
        onMap: (map) => peers.update([...map.nodes.values()]),
        commandOf: observeCommands(
          sabotage?.commands?.(commandByOpcode, () => env.wallMs()) ?? commandByOpcode,
          watcher,
        ),
        bootstrapped,
      },
      ready,
      (error) => {
        throw error;
      },
    );
  }

  #ready(node: Node, peers: Peers, env: SimEnv, store: Store, events: LateEvents, bootstrapped: boolean): void {
    const { world, random, disk, watcher, self, serves } = this.#options;
    if (!bootstrapped) node.whenBegun(() => disk.writeFile(BOOTSTRAPPED, new Uint8Array(0)));
    events.attach(node);
    for (const info of peers.known().values()) {
      node.onAddresses(info);
      if (peers.isUp(info.id)) node.peerMessages.onUp(info.id);
    }
    env.pass = () => {
      node.pass();
      watcher.onPassEnd(node);
    };
    world.trace.event(`${self.name} serves`);
    serves(node, store);
    this.#every(
      () => TICK_MS + random.between(-TICK_JITTER_MS, TICK_JITTER_MS),
      () => {
        peers.tick();
        node.tick();
      },
    );
    this.#checkSpace(node);
    this.#every(
      () => DISK_CHECK_MS,
      () => this.#checkSpace(node),
    );
    env.requestPass();
  }

  /** A timer of the process: on its own clock; while it is stopped, missed turns are not made up for. */
  #every(periodMs: () => number, turn: () => void): void {
    const { world, process, clocks } = this.#options;
    const next = (): void => {
      world.after(periodMs() / clocks.steadyRate, () => {
        if (!process.alive) return;
        if (!process.paused) process.run(turn);
        next();
      });
    };
    next();
  }

  /** As the daemon does. */
  #checkSpace(node: Node): void {
    const { world, disk, self } = this.#options;
    disk.freeBytes((free) => {
      const full = free < DISK_RESERVE_BYTES;
      if (full !== node.diskFull) world.trace.event(`${self.name} disk ${full ? "nearly full" : "has room again"}`);
      if (full) world.coverage.count("disk nearly full");
      node.diskFull = full;
    });
  }
}

/** Log and links are opened before the node that they report to. What comes earlier, the node asks for itself. */
class LateEvents implements LogHandler, PeersHandler {
  readonly #options: BootOptions;
  #node: Node | undefined;

  constructor(options: BootOptions) {
    this.#options = options;
  }

  attach(node: Node): void {
    this.#node = node;
  }

  readonly onTruncated: LogHandler["onTruncated"] = (group, index) => {
    this.#options.world.coverage.count("log truncated");
    this.#node?.onTruncated(group, index);
  };

  readonly onSlowWrite: LogHandler["onSlowWrite"] = (runningMs) => {
    this.#options.world.coverage.count("log write slow");
    this.#node?.onSlowWrite(runningMs);
  };

  readonly onPressure: LogHandler["onPressure"] = () => {
    this.#options.world.coverage.count("log under pressure");
    this.#node?.onPressure();
  };

  readonly onMessage: PeersHandler["onMessage"] = (from, bytes) => this.#node?.peerMessages.onMessage(from, bytes);

  readonly onUp: PeersHandler["onUp"] = (peer) => {
    this.#tell(`link to ${this.#name(peer)} up`);
    this.#node?.peerMessages.onUp(peer);
  };

  readonly onDown: PeersHandler["onDown"] = (peer, gone) => {
    this.#options.world.coverage.count(gone ? "link: refused" : "link: down");
    this.#tell(`link to ${this.#name(peer)} down${gone ? ", refused" : ""}`);
    this.#node?.peerMessages.onDown(peer, gone);
  };

  readonly onAddresses = (info: NodeInfo): void => {
    this.#tell(`${info.name} is at ${info.addresses.host}, boot ${info.bootCounter}`);
    this.#node?.onAddresses(info);
  };

  readonly onRefused: PeersHandler["onRefused"] = (code, detail) => {
    this.#options.process.fatal(new SherdError(code, detail));
  };

  #name(node: Parameters<PeersHandler["onUp"]>[0]): string {
    return this.#options.plan.nodes.get(node)?.name ?? node;
  }

  #tell(what: string): void {
    this.#options.world.trace.event(`${this.#options.self.name} ${what}`);
  }
}
