import {
  bootCounter,
  type ClusterId,
  clusterId,
  type DurationHistogram,
  type GroupId,
  groupId,
  latin1,
  type NodeId,
  nodeId,
  replicaId,
  SLOT_COUNT,
  type Slot,
  term,
} from "../../base/index.ts";
import { type CommandContext, errorReply, NOT_RESIDENT, OK, type Reply } from "../../command/index.ts";
import type { ClusterMap, NodeInfo, ShardInfo } from "../../meta/index.ts";
import type {
  ChangeUsers,
  LeaderHint,
  NodeApi,
  NodeFigures,
  NodeStatus,
  Published,
  ReplicasHolding,
  Request,
} from "../../node/index.ts";
import type { Row } from "../../store/index.ts";
import { keysReply } from "./fake-keys.ts";

export interface FakeNodeOptions {
  readonly shards?: number;
  /** Nodes of the cluster; this one is the first. Shard n is led by node n modulo nodes. */
  readonly nodes?: readonly { readonly clusterPort: number; readonly host?: string }[];
  /** Requests wait for `answer` instead of being run at once. */
  readonly manual?: boolean;
  /** Rows that several fake nodes share, as if they forwarded to each other. */
  readonly rows?: Map<string, Row>;
  readonly self?: number;
  /** False: it has just started, and the meta group is not heard of. */
  readonly mapIsCurrent?: boolean;
  readonly users?: ClusterMap["users"];
}

export const hexId = (n: number): NodeId => nodeId(n.toString(16).padStart(40, "0"));

/** A node without a log, peers or a disk: commands run on a Map. It keeps what it promises about order, nothing else. */
export class FakeNode implements NodeApi {
  readonly id: NodeId;
  map: ClusterMap;
  readonly rows: Map<string, Row>;
  /** Requests that have not been run, in the order they came. */
  readonly waiting: Request[] = [];
  /** Names of commands in the order in which they were given to `execute`. */
  readonly executed: string[] = [];
  /** Answers everything with this instead of running it. */
  reply: ((request: Request) => Reply | undefined) | undefined;
  /** What other nodes were told. */
  readonly published: { readonly sharded: boolean; readonly channel: string; readonly message: string }[] = [];
  readonly complaints: Readonly<Record<string, unknown>>[] = [];
  /** As `FakeNodeOptions`. */
  manual: boolean;
  ready = true;
  mapIsCurrent: boolean;
  leaderless = false;
  activeExpiry = true;
  readonly keyspace: { hits: number; misses: number; expired: number } = { hits: 0, misses: 0, expired: 0 };
  slow: readonly (readonly [string, DurationHistogram])[] = [];
  /** How far the replicas of a shard are. */
  holding: (group: GroupId) => ReplicasHolding | undefined = () => ({ applied: 1, own: 1, matched: [1, 1] });
  readonly #listeners: (() => void)[] = [];
  readonly #onTick: ((nowMs: number) => void)[] = [];
  readonly #onMap: (() => void)[] = [];
  readonly #onPublished: ((published: Published) => void)[] = [];
  readonly #context: CommandContext;
  /** Each command is an entry of its own. */
  #version = 0;
  #passAsked = false;

  constructor(options: FakeNodeOptions = {}) {
    const nodes = options.nodes ?? [{ clusterPort: 7379 }];
    this.id = hexId((options.self ?? 0) + 1);
    this.rows = options.rows ?? new Map();
    this.manual = options.manual ?? false;
    this.mapIsCurrent = options.mapIsCurrent ?? true;
    this.map = { ...mapOf(nodes, options.shards ?? 1), users: options.users };
    const rows = this.rows;
    const version = (): number => this.#version;
    this.#context = {
      nowMs: 0,
      get version() {
        return version();
      },
      get: (_slot, key) => rows.get(key) ?? null,
      head: (_slot, key) => rows.get(key) ?? null,
      put: (_slot, key, row) => void rows.set(key, row),
      delete: (_slot, key) => rows.delete(key),
      lengthOf: (_slot, key) => rows.get(key)?.payload.length ?? 0,
      worked: () => undefined,
      latin1,
    };
  }

  get figures(): NodeFigures {
    const rows = [...this.rows.values()];
    const others = [...this.map.nodes.keys()].filter((id) => id !== this.id);
    return {
      keyCounts: { keys: rows.length, expiring: rows.filter((row) => row.expiresAtMs > 0).length },
      keyspace: this.keyspace,
      replication: { applied: 10, others: new Map(others.map((id, at) => [id, 10 - at])) },
      slowMoments: this.slow,
      replicasHolding: (group, complete) => complete(this.holding(group)),
    };
  }

  shardOf(slot: Slot): GroupId | undefined {
    return this.map.shards.find((shard) => shard.slots.some(({ from, to }) => from <= slot && slot <= to))?.group;
  }

  leaderOf(group: GroupId): LeaderHint | undefined {
    if (this.leaderless) return undefined;
    const ids = [...this.map.nodes.keys()];
    return { node: ids[(group - 1) % ids.length] as NodeId, term: term(1), keys: 0 };
  }

  isUp(_node: NodeId): boolean {
    return true;
  }

  execute(request: Request): void {
    this.executed.push(request.spec.name);
    if (this.manual) this.waiting.push(request);
    else this.#run(request);
    this.#askForPass();
  }

  /** Nobody has room for the reply of the read that waits at `position`. */
  postpone(position: number, bytes: number): void {
    const [request] = this.waiting.splice(position, 1);
    if (request?.postpone === undefined) throw new Error(`no read waits at ${position}`);
    request.postpone(bytes);
  }

  /** Runs the request that waits at `position`; its reply is written at the next `pass`. */
  answer(position = 0): void {
    const [request] = this.waiting.splice(position, 1);
    if (request === undefined) throw new Error("no such request waits");
    this.#run(request);
  }

  answerAll(): void {
    while (this.waiting.length > 0) this.answer();
  }

  pass(): void {
    for (const listener of this.#listeners) listener();
  }

  status(): NodeStatus {
    return {
      id: this.id,
      name: "fake",
      ready: this.ready,
      mapVersion: this.map.version,
      groups: [],
      peers: [],
      numbers: { passes: 1 },
    };
  }

  onPassEnd(listener: () => void): void {
    this.#listeners.push(listener);
  }

  onTick(listener: (nowMs: number) => void): void {
    this.#onTick.push(listener);
  }

  onMap(listener: () => void): void {
    this.#onMap.push(listener);
  }

  /** As soon as the meta group has agreed: at once. */
  changeUsers(change: ChangeUsers, complete: (reply: Reply) => void): void {
    const list = change(this.map.users?.list ?? []);
    if ("kind" in list) return complete(list);
    const version = this.map.version + 1;
    this.map = { ...this.map, version, users: { version, list } };
    for (const listener of this.#onMap) listener();
    complete(OK);
  }

  /** It hears from the meta group for the first time since its start. */
  hearOfMap(): void {
    this.mapIsCurrent = true;
    for (const listener of this.#onMap) listener();
  }

  publish({ sharded, channel, message }: Published): void {
    this.published.push({ sharded, channel: latin1(channel), message: latin1(message) });
  }

  onPublished(listener: (published: Published) => void): void {
    this.#onPublished.push(listener);
  }

  /** Another node publishes. The bytes are its link's, and are overwritten afterwards. */
  hear(published: Published): void {
    const channel = published.channel.slice();
    const message = published.message.slice();
    for (const listener of this.#onPublished) listener({ sharded: published.sharded, channel, message });
    channel.fill(0xcc);
    message.fill(0xcc);
  }

  complain(key: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.complaints.push({ key, message, ...fields });
  }

  requestPass(): void {
    this.#askForPass();
  }

  /** A pass in which a tick is due. */
  tick(nowMs: number): void {
    for (const listener of this.#onTick) listener(nowMs);
    this.pass();
  }

  #run(request: Request): void {
    const own = this.reply?.(request) ?? keysReply(this, this.rows, request);
    if (own !== undefined) {
      request.complete(own);
      return;
    }
    const group = this.shardOf(request.slot);
    const leader = group === undefined ? undefined : this.leaderOf(group);
    if (request.redirect && leader !== undefined && leader.node !== this.id) {
      const { addresses } = this.map.nodes.get(leader.node) as NodeInfo;
      request.complete(errorReply("MOVED", `${request.slot} ${addresses.host}:${addresses.clusterPort}`));
      return;
    }
    this.#version += 1;
    const reply = request.spec.run?.(this.#context, request.slot, request.args);
    if (reply === undefined || reply === NOT_RESIDENT) throw new Error("a Map holds every row");
    request.complete(reply);
  }

  /** As a real node: soon, once. */
  #askForPass(): void {
    if (this.manual || this.#passAsked) return;
    this.#passAsked = true;
    queueMicrotask(() => {
      this.#passAsked = false;
      this.pass();
    });
  }
}

function mapOf(nodes: NonNullable<FakeNodeOptions["nodes"]>, shardCount: number): ClusterMap {
  const cluster: ClusterId = clusterId("c".repeat(40));
  const infos = nodes.map(
    ({ clusterPort, host }, n): NodeInfo => ({
      id: hexId(n + 1),
      name: `node-${n + 1}`,
      addresses: {
        host: host ?? "127.0.0.1",
        clusterPort,
        peerPort: 7100 + n,
        respPort: 6379 + n,
        grpcPort: 7000 + n,
        httpPort: 7080 + n,
      },
      bootCounter: bootCounter(1),
      directory: undefined,
    }),
  );
  const shards = Array.from(
    { length: shardCount },
    (_, n): ShardInfo => ({
      group: groupId(n + 1),
      slots: [
        { from: Math.floor((n * SLOT_COUNT) / shardCount), to: Math.floor(((n + 1) * SLOT_COUNT) / shardCount) - 1 },
      ],
      replicas: infos.map(({ id }, i) => ({ replica: replicaId(n * 16 + i + 1), node: id })),
      epoch: 1,
    }),
  );
  return {
    clusterId: cluster,
    version: 1,
    nodes: new Map(infos.map((info) => [info.id, info])),
    metaReplicas: [],
    shards,
  };
}
