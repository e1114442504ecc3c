import { readFileSync } from "node:fs";
import { join } from "node:path";
import { hasPasswords } from "../core/access/index.ts";
import { DISK_CHECK_MS, DISK_RESERVE_BYTES, SherdError, TICK_MS } from "../core/base/index.ts";
import { commandByOpcode } from "../core/command/index.ts";
import type { Disk, Engine, Env } from "../core/env/index.ts";
import { type Log, type LogHandler, openLog } from "../core/log/index.ts";
import type { ClusterMap, NodeInfo } from "../core/meta/index.ts";
import { type Node, openNode } from "../core/node/index.ts";
import { openPeers, type Peers, type PeersHandler } from "../core/peer/index.ts";
import { createRaftCore, RAFT_CORE_OPTIONS, type RaftCore } from "../core/raft/index.ts";
import { openStore, type Store } from "../core/store/index.ts";
import { openHostDisk } from "../host/disk/index.ts";
import { checkPlatform, hostEnv, PassScheduler } from "../host/env.ts";
import { openLevelEngine } from "../host/leveldb/index.ts";
import { bindNetwork, type HostNetwork } from "../host/net/index.ts";
import { checkExposure } from "./exposure.ts";
import { openFronts } from "./fronts.ts";
import { CLOSE_MS_MAX } from "./limits.ts";
import type { NodeConfig, RunningNode, StartNode } from "./node-config.ts";
import { envOf, logTo } from "./node-log.ts";
import { Opened } from "./opened.ts";
import { NodeTls } from "./tls.ts";
import { SavedUsers } from "./users.ts";
import { within } from "./within.ts";

const WASM = new URL("../../wasm/raft-core.wasm", import.meta.url);
/** Says that all replicas of the plan were made and have begun: one that is missing later was lost. */
const BOOTSTRAPPED = "bootstrapped";
/** How often a handing-over node looks whether others lead by now. */
const HAND_OVER_POLL_MS = TICK_MS;

/** What the parts of a node stand on, in the order in which they are opened. */
interface Parts {
  readonly config: NodeConfig;
  readonly env: Env;
  readonly scheduler: PassScheduler;
  readonly tls: NodeTls;
  readonly disk: Disk;
  readonly network: HostNetwork;
  readonly log: Log;
  readonly store: Store;
  readonly raft: RaftCore;
  readonly peers: Peers;
  readonly node: Node;
}

/** Builds a node out of core, host and front. Rejects with a coded error; nothing listens, or is held, then. */
export const startNode: StartNode = async (config) => {
  checkPlatform();
  const opened = new Opened();
  try {
    const parts = await openParts(config, opened);
    const node = new ComposedNode(parts, opened);
    const fronts = await openFronts(config, parts.node, parts.tls);
    opened.add(() => fronts.close());
    return node;
  } catch (error) {
    await giveUp(opened, config.logger);
    throw error;
  }
};

/** Why the start failed is what matters: a part that then does not close either is only noted. */
async function giveUp(opened: Opened, logger: NodeConfig["logger"]): Promise<void> {
  try {
    const closed = await within(CLOSE_MS_MAX, opened.close());
    if (closed === "late")
      logger.warn({ component: "node" }, `after a failed start: not all closed within ${CLOSE_MS_MAX} ms`);
  } catch (error) {
    logger.warn({ component: "node", error: String(error) }, "after a failed start: a part did not close");
  }
}

async function openParts(config: NodeConfig, opened: Opened): Promise<Parts> {
  const { logger, fatal } = config;
  const scheduler = new PassScheduler();
  opened.add(() => scheduler.stop());
  const env = hostEnv({
    fatal,
    log: logTo(logger),
    requestPass: scheduler.request,
  });
  const disk = openHostDisk(config.dataDirectory, env);
  const savedUsers = new SavedUsers(disk);
  const map = savedUsers.startFrom(config.plan, config.users);
  await checkExposure({ ...config, passwords: hasPasswords(map.users?.list ?? []) });
  const tls = await NodeTls.open(config.tls ?? {}, envOf("tls", env).log);
  opened.add(() => tls.close());
  // Before anything else: an address that is in use is found out while nothing has begun.
  const network = await bindNetwork({
    host: config.listenHost,
    port: config.addresses.peerPort,
    log: envOf("peer", env).log,
    tls: tls.peers,
  });
  opened.add(() => network.close());
  const events = new LateEvents(fatal);
  // The engine first: it takes a lock of its own, so that even where the directory's lock fails to see
  // the other process (containers that share a volume) no two processes write one log.
  const engine = await openLevelEngine(env, { path: join(config.dataDirectory, "store") });
  let store: Store | undefined;
  // The store closes it, once there is one.
  opened.add(() => (store === undefined ? new Promise<void>((resolve) => engine.close(resolve)) : undefined));
  const log = await new Promise<Log>((resolve) =>
    openLog(envOf("log", env), disk, { directory: "log" }, events, resolve),
  );
  opened.add(() => new Promise<void>((resolve) => log.close(resolve)));
  store = await openStoreOn(envOf("store", env), engine, config.cacheBytes, scheduler);
  opened.add(() => closeStore(store, scheduler));
  const bootstrapped = disk.readFile(BOOTSTRAPPED) !== undefined;
  if (bootstrapped && log.created) {
    throw new SherdError("SHERD_LOG_GAP", `The log of ${config.name} is gone: ${join(config.dataDirectory, "log")}.`);
  }
  const raft = createRaftCore(readFileSync(WASM), RAFT_CORE_OPTIONS, {
    random: () => env.random32(),
    log: envOf("raft", env).log,
  });
  const { peers, node } = await openNodeOn({
    config,
    env,
    tls,
    disk,
    network,
    log,
    store,
    raft,
    events,
    bootstrapped,
    opened,
    map,
    savedUsers,
  });
  if (!bootstrapped) node.whenBegun(() => disk.writeFile(BOOTSTRAPPED, new Uint8Array(0)));
  scheduler.start(() => node.pass());
  scheduler.request();
  return { config, env, scheduler, tls, disk, network, log, store, raft, peers, node };
}

/** The store asks for passes while it opens and while first replicas are made; there is no node yet to take them. */
async function openStoreOn(env: Env, engine: Engine, cacheBytesMax: number, scheduler: PassScheduler): Promise<Store> {
  const store = await new Promise<Store>((resolve) => openStore(env, engine, { cacheBytesMax }, resolve));
  scheduler.start(() => store.pass());
  scheduler.request();
  return store;
}

/** What was applied need not be replayed at the next start; what was not is in the log. */
function closeStore(store: Store, scheduler: PassScheduler): Promise<void> {
  scheduler.start(() => store.pass());
  return new Promise((resolve) => {
    store.close(resolve);
    scheduler.request();
  });
}

async function openNodeOn(
  parts: Omit<Parts, "scheduler" | "peers" | "node"> & {
    readonly events: LateEvents;
    readonly bootstrapped: boolean;
    readonly opened: Opened;
    readonly map: ClusterMap;
    readonly savedUsers: SavedUsers;
  },
): Promise<{ peers: Peers; node: Node }> {
  const { config, env, events } = parts;
  const self: NodeInfo = {
    id: config.nodeId,
    name: config.name,
    addresses: config.addresses,
    bootCounter: config.bootCounter,
    directory: config.directoryId,
  };
  const identity = {
    nodeId: config.nodeId,
    clusterId: config.clusterId,
    directoryId: config.directoryId,
    bootCounter: config.bootCounter,
    name: config.name,
    addresses: config.addresses,
  };
  const members = [...config.plan.nodes.values()];
  const options = { self: identity, members, seeds: config.seeds };
  const peers = openPeers(envOf("peer", env), parts.network, parts.disk, options, events);
  parts.opened.add(() => peers.close());
  const node = await new Promise<Node>((resolve, reject) =>
    openNode(
      {
        self,
        env,
        raft: parts.raft,
        log: parts.log,
        store: parts.store,
        links: peers,
        map: parts.map,
        commandOf: commandByOpcode,
        onMap: (map) => {
          parts.savedUsers.onMap(map);
          peers.update([...map.nodes.values()]);
        },
        bootstrapped: parts.bootstrapped,
      },
      resolve,
      reject,
    ),
  );
  events.attach(node);
  for (const info of peers.known().values()) {
    node.onAddresses(info);
    if (peers.isUp(info.id)) node.peerMessages.onUp(info.id);
  }
  return { peers, node };
}

/** Log and links are opened before the node that they report to. What comes earlier, the node asks for itself. */
class LateEvents implements LogHandler, PeersHandler {
  readonly #fatal: (error: Error) => never;
  #node: Node | undefined;

  constructor(fatal: (error: Error) => never) {
    this.#fatal = fatal;
  }

  attach(node: Node): void {
    this.#node = node;
  }

  readonly onTruncated: LogHandler["onTruncated"] = (group, index) => this.#node?.onTruncated(group, index);
  readonly onSlowWrite: LogHandler["onSlowWrite"] = (runningMs) => this.#node?.onSlowWrite(runningMs);
  readonly onPressure: LogHandler["onPressure"] = () => this.#node?.onPressure();
  readonly onMessage: PeersHandler["onMessage"] = (from, bytes) => this.#node?.peerMessages.onMessage(from, bytes);
  readonly onUp: PeersHandler["onUp"] = (peer) => this.#node?.peerMessages.onUp(peer);
  readonly onDown: PeersHandler["onDown"] = (peer, gone) => this.#node?.peerMessages.onDown(peer, gone);
  readonly onAddresses = (info: NodeInfo): void => this.#node?.onAddresses(info);
  readonly onRefused: PeersHandler["onRefused"] = (code, detail) => {
    this.#fatal(new SherdError(code, detail));
  };
}

class ComposedNode implements RunningNode {
  readonly ready: Promise<void>;
  readonly #parts: Parts;
  readonly #opened: Opened;
  #isReady = false;

  /** The clock starts. `opened` is closed with the node. */
  constructor(parts: Parts, opened: Opened) {
    this.#parts = parts;
    this.#opened = opened;
    const { node, peers } = parts;
    let markReady: () => void = () => {};
    this.ready = new Promise((resolve) => {
      markReady = resolve;
    });
    const tick = setInterval(() => {
      peers.tick();
      node.tick();
      if (!this.#isReady && node.status().ready) {
        this.#isReady = true;
        markReady();
      }
    }, TICK_MS);
    const diskCheck = setInterval(() => this.#checkDisk(), DISK_CHECK_MS);
    this.#checkDisk();
    opened.add(() => {
      clearInterval(diskCheck);
      clearInterval(tick);
    });
  }

  status(): ReturnType<Node["status"]> {
    return this.#parts.node.status();
  }

  async handOver(): Promise<void> {
    while (this.#parts.node.handOver() > 0) await new Promise((resolve) => setTimeout(resolve, HAND_OVER_POLL_MS));
  }

  reloadCertificates(): Promise<void> {
    return this.#parts.tls.reload();
  }

  get certificates(): RunningNode["certificates"] {
    return this.#parts.tls.facts;
  }

  close(): Promise<void> {
    return this.#opened.close();
  }

  #checkDisk(): void {
    const { disk, node, env } = this.#parts;
    disk.freeBytes((free) => {
      const full = free < DISK_RESERVE_BYTES;
      if (full !== node.diskFull)
        env.log("warn", full ? "the disk is nearly full" : "the disk has room again", { free });
      node.diskFull = full;
    });
  }
}
