import {
  Complaints,
  DurationHistogram,
  EXEC_ROUNDS_MAX,
  type GroupId,
  HINT_TICKS,
  type Index,
  META_GROUP,
  type NodeId,
  type ReplicaId,
  type Slot,
} from "../base/index.ts";
import { type CommandSpec, type Reply, SLOT_NOT_SERVED } from "../command/index.ts";
import type { Env, PeerLinks } from "../env/index.ts";
import type { Log, LogHandler } from "../log/index.ts";
import { ShardMachine, type StateMachine } from "../machine/index.ts";
import { type ClusterMap, MetaMachine, type NodeInfo } from "../meta/index.ts";
import type { GroupStart, RaftCore } from "../raft/index.ts";
import {
  ExpiryTurns,
  type ReadTurns,
  Replica,
  type ReplicaHost,
  type Request,
  type Rerouted,
  type Serving,
} from "../replica/index.ts";
import type { Space, Store } from "../store/index.ts";
import { AwakeReplicas } from "./awake-replicas.ts";
import { BootNumbers } from "./boot-numbers.ts";
import { Broadcast } from "./broadcast.ts";
import { CoreEvents, type Hosted } from "./core-events.ts";
import { Figures } from "./figures.ts";
import { FirstContact } from "./first-contact.ts";
import { LeaderHints } from "./hints.ts";
import { Leadership, membersOf } from "./leadership.ts";
import { MapKeeper } from "./map-keeper.ts";
import { encodeTransferMessage, type Published } from "./messages.ts";
import { MetaRequests } from "./meta-requests.ts";
import { type NodeMetrics, nodeMetrics } from "./metrics.ts";
import { PeerMessages } from "./peer-messages.ts";
import { PersistQueue } from "./persist.ts";
import { Requests } from "./requests.ts";
import { nodeStatus } from "./status.ts";
import { TransferTurns } from "./transfer-turns.ts";
import type { LeaderHint, NodeApi, NodeOptions, NodeStatus } from "./types.ts";
import type { ChangeUsers } from "./user-changes.ts";

/** Multi-raft: all replicas of one node, turned together, pass by pass. */
export class Node implements NodeApi, ReplicaHost, LogHandler {
  readonly id: NodeId;
  readonly env: Env;
  readonly raft: RaftCore;
  readonly log: Log;
  readonly store: Store;
  /** The disk is nearly full: shards led here refuse writes that add data. Set by the daemon's watch on the disk. */
  diskFull = false;
  readonly turns: ReadTurns<Serving>;
  activeExpiry = true;
  readonly expiryTurns: ExpiryTurns = new ExpiryTurns();
  readonly figures: Figures;
  readonly #self: NodeInfo;
  readonly #links: PeerLinks;
  readonly #commandOf: (opcode: number) => CommandSpec | undefined;
  readonly #hosted: Map<GroupId, Hosted> = new Map();
  readonly #requests: Requests;
  readonly #leadership: Leadership;
  readonly #map: MapKeeper;
  readonly #events: CoreEvents;
  /** What comes from other nodes is given to this. */
  readonly peerMessages: PeerMessages;
  readonly #hints: LeaderHints;
  readonly #firstContact: FirstContact = new FirstContact();
  readonly #transferTurns: TransferTurns = new TransferTurns();
  readonly #broadcast: Broadcast;
  readonly #complaints: Complaints;
  readonly #passEnd: (() => void)[] = [];
  readonly #onTick: ((nowMs: number) => void)[] = [];
  readonly #onMap: (() => void)[] = [];
  readonly #metaRequests: MetaRequests;
  /** The meta group's leader is here and has made a map: all nodes are told with this pass, not with the next hints. */
  #mapMade = false;
  readonly #awake: AwakeReplicas;
  #tickDue = false;
  #ticks = 0;
  readonly #passes: DurationHistogram = new DurationHistogram();
  readonly #numbers: BootNumbers;
  #transferSentBytes = 0;
  #shuttingDown = false;

  constructor(options: NodeOptions) {
    this.id = options.self.id;
    this.env = options.env;
    this.raft = options.raft;
    this.log = options.log;
    this.store = options.store;
    this.#awake = new AwakeReplicas(options.env);
    this.turns = this.#awake.turns;
    this.#self = options.self;
    this.#links = options.links;
    this.#numbers = new BootNumbers(options.self.bootCounter);
    this.figures = new Figures(this, this.#passes);
    const { holding } = this.figures;
    this.#commandOf = (opcode) => (opcode === holding.opcode ? holding : options.commandOf(opcode));
    this.#map = new MapKeeper(
      options.self,
      options.map,
      (node, message) => this.#links.send(node, message),
      (map) => {
        options.onMap?.(map);
        this.#metaRequests.onMap();
        for (const listener of this.#onMap) listener();
      },
    );
    this.#requests = this.#makeRequests();
    this.#metaRequests = this.#makeMetaRequests(options.self);
    this.#leadership = new Leadership({
      self: this.id,
      raft: this.raft,
      map: () => this.map,
      replicas: () => this.replicas(),
      isUp: (node) => this.isUp(node),
      isSteady: (node) => this.#hints.isSteady(node),
      isYielding: (node) => this.#hints.isYielding(node),
      yields: () => this.#yields,
    });
    this.#hints = new LeaderHints({
      self: this.id,
      links: this.#links,
      map: this.#map,
      nowMs: () => this.env.monotonicMs(),
      wallMs: () => this.env.wallMs(),
      replicas: () => this.replicas(),
      replicaOf: (group) => this.replicaOf(group),
      nodeOf: (group, replica) => this.nodeOf(group, replica),
      isUp: (node) => this.isUp(node),
      heldByAll: (replica) => this.#leadership.heldByAll(replica),
      leaderFound: (group) => this.#leaderFound(group),
    });
    this.#events = new CoreEvents({
      raft: this.raft,
      log: this.log,
      links: this.#links,
      hosted: (group) => this.#hosted.get(group),
      nodeOf: (group, replica) => this.nodeOf(group, replica),
      requestPass: () => this.env.requestPass(),
    });
    this.peerMessages = this.#makePeerMessages();
    this.#complaints = new Complaints(this.env);
    this.#broadcast = new Broadcast({
      self: this.id,
      links: this.#links,
      nodes: () => this.map.nodes.keys(),
      requestPass: () => this.env.requestPass(),
    });
  }

  #makeRequests(): Requests {
    return new Requests({
      self: this.id,
      name: this.#self.name,
      env: this.env,
      links: this.#links,
      commandOf: this.#commandOf,
      map: () => this.map,
      nextNumber: () => this.nextNumber(),
      replicaOf: (group) => this.replicaOf(group),
      reachableLeader: (group) => this.#hints.reachableLeader(group),
      diskFull: () => this.diskFull,
      complain: (key, message, fields) => this.complain(key, message, fields),
    });
  }

  #makeMetaRequests(self: NodeInfo): MetaRequests {
    return new MetaRequests({
      self,
      nowMs: () => this.env.monotonicMs(),
      map: () => this.map,
      leader: () => this.#hints.reachableLeader(META_GROUP),
      route: (request, args) => this.#requests.route(META_GROUP, request, args),
      askForMap: (node, version) => this.#map.peerHas(node, version),
    });
  }

  #makePeerMessages(): PeerMessages {
    return new PeerMessages({
      env: this.env,
      raft: this.raft,
      requests: this.#requests,
      map: this.#map,
      hosted: (group) => this.#hosted.get(group),
      onHints: (from, hints) => this.#hints.receive(from, hints),
      complain: (key, message, fields) => this.complain(key, message, fields),
      onPublished: (published) => this.#broadcast.receive(published),
      onLinkUp: (node) => this.#onLinkUp(node),
      onLinkDown: (node, gone) => this.#onLinkDown(node, gone),
    });
  }

  // --- what stands around the node

  get map(): ClusterMap {
    return this.#map.current;
  }

  get mapIsCurrent(): boolean {
    return this.#map.isCurrent;
  }

  /** Begins to host a replica: `start` is what recovery made of log and store. */
  host(space: Space, start: GroupStart): void {
    const replica = new Replica(this, space);
    // The core reports changes only.
    replica.term = start.hardState.term;
    const persist = new PersistQueue(replica, this.raft, this.log, start.hardState, (group, messages) => {
      for (const message of messages) this.#events.onMessage(group, message);
      this.env.requestPass();
    });
    this.#hosted.set(space.group, { replica, persist });
    this.raft.open(start);
    this.env.requestPass();
  }

  /** The same, once enough others have met this node: the replica may be one whose disk was emptied. */
  hostNew(space: Space, start: GroupStart): void {
    const members = membersOf(this.map, space.group).map(({ node }) => node);
    const others = members.filter((node) => node !== this.id);
    this.#firstContact.wait(space.group, others, () => this.host(space, start));
  }

  /** `done` is called when no replica waits for others any more: at once, perhaps. */
  whenBegun(done: () => void): void {
    this.#firstContact.whenBegun(done);
  }

  /** Nodes that new replicas wait for before they begin. */
  get unmet(): NodeId[] {
    return this.#firstContact.unmet;
  }

  *replicas(): Iterable<Replica> {
    for (const { replica } of this.#hosted.values()) yield replica;
  }

  replicaOf(group: GroupId): Replica | undefined {
    return this.#hosted.get(group)?.replica;
  }

  shardOf(slot: Slot): GroupId | undefined {
    return this.#map.shardOf(slot);
  }

  leaderOf(group: GroupId): LeaderHint | undefined {
    return this.#hints.leaderOf(group);
  }

  isUp(node: NodeId): boolean {
    return node === this.id || this.#links.isUp(node);
  }

  onPassEnd(listener: () => void): void {
    this.#passEnd.push(listener);
  }

  onTick(listener: (nowMs: number) => void): void {
    this.#onTick.push(listener);
  }

  onMap(listener: () => void): void {
    this.#onMap.push(listener);
  }

  changeUsers(change: ChangeUsers, complete: (reply: Reply) => void): void {
    this.#metaRequests.changeUsers(change, complete);
  }

  requestPass(): void {
    this.env.requestPass();
  }

  status(): NodeStatus {
    return nodeStatus(this, this.#self.name, { passes: this.#passes.count, ...this.#requests.numbers });
  }

  metrics(): NodeMetrics {
    return nodeMetrics(this, {
      passes: this.#passes,
      requestsWaiting: this.#requests.waiting,
      requestsForwarded: this.#requests.forwarded,
      forwardsTotal: this.#requests.forwardedTotal,
      transferSentBytes: this.#transferSentBytes,
      clockOffsetMs: this.#hints.clock.offsetMs,
    });
  }

  hardState(group: GroupId): PersistQueue["hardState"] {
    return (this.#hosted.get(group) as Hosted).persist.hardState;
  }

  publish(published: Published): void {
    this.#broadcast.publish(published);
  }

  onPublished(listener: (published: Published) => void): void {
    this.#broadcast.onPublished(listener);
  }

  complain(key: string, message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#complaints.log(this.env.monotonicMs(), "warn", key, message, fields);
  }

  execute(request: Request): void {
    const group = this.#map.shardOf(request.slot);
    if (group === undefined) request.complete(SLOT_NOT_SERVED);
    else this.#requests.route(group, request, request.args);
  }

  /** What waits for the group's leader goes to it: perhaps it is another, or none. */
  #leaderFound(group: GroupId): void {
    this.#requests.retry(group);
    // Clients wait until this start is in the map.
    if (group === META_GROUP && !this.mapIsCurrent) this.#metaRequests.repeat();
  }

  // --- the pass

  /** A tick is due. It is taken in a pass, after the inputs that came before it: a stalled node first hears, then ages. */
  tick(): void {
    this.#tickDue = true;
    this.env.requestPass();
  }

  /** One turn of the node's loop: requests in, core, disk and peers out, entries applied, replies out. */
  pass(): void {
    const startedMs = this.env.monotonicMs();
    if (this.#tickDue) this.#tick();
    this.#requests.takeBack();
    this.#awake.feed();
    let more = true;
    for (let round = 0; more && round < EXEC_ROUNDS_MAX; round += 1) more = this.raft.exec(this.#events);
    if (more) this.env.requestPass();
    this.log.flush();
    this.#links.flush();
    this.#awake.work();
    this.store.pass();
    if (this.#mapMade) {
      this.#mapMade = false;
      this.#hints.send(this.#yields);
    }
    for (const listener of this.#passEnd) listener();
    // Replies that were given while working may have made peers' answers: they leave now, not with the next pass.
    this.#links.flush();
    this.#requests.pumpAnswers();
    this.#passes.recordMs(this.env.monotonicMs() - startedMs);
  }

  #tick(): void {
    this.#tickDue = false;
    this.#ticks += 1;
    if (this.#ticks === 1) this.#leadership.claim();
    const now = this.env.monotonicMs();
    for (const replica of this.replicas()) {
      if (replica.stopped !== undefined) continue;
      this.raft.tick(replica.group);
      replica.tick(now);
    }
    this.#watchClock();
    this.#leadership.tick();
    this.log.roomIsScarce(this.diskFull);
    this.log.tick();
    this.store.tick();
    this.#metaRequests.tick();
    this.#requests.tick();
    for (const listener of this.#onTick) listener(now);
    if (this.#ticks % HINT_TICKS === 0) {
      this.#hints.send(this.#yields);
      if (this.diskFull) this.#leadership.handOver();
      if (!this.#shuttingDown) this.#metaRequests.repeat();
    }
  }

  /** Every tick: log time follows a leader's clock from its first entry on, and never goes back. */
  #watchClock(): void {
    if (this.#hints.clock.changed((level, message, fields) => this.env.log(level, message, fields))) {
      this.#hints.send(this.#yields);
    }
    if (this.#hints.clock.saidAstray) this.#leadership.handOver();
  }

  // --- peers

  #onLinkUp(node: NodeId): void {
    this.#firstContact.met(node);
    this.#hints.linkUp(node);
    this.#hints.send(this.#yields);
    this.#leadership.claim();
    for (const replica of this.replicas()) this.#requests.retry(replica.group);
    if (!this.mapIsCurrent) this.#metaRequests.repeat();
  }

  #onLinkDown(node: NodeId, gone: boolean): void {
    this.#hints.linkDown(node);
    this.#requests.onLinkDown(node);
    this.#leadership.unreachable(node);
    if (gone) this.#leadership.nodeGone(node);
  }

  /** A handshake told where a node is now. */
  onAddresses(info: NodeInfo): void {
    this.#map.heard(info);
  }

  // --- what replicas ask for

  nextNumber(): number {
    return this.#numbers.next();
  }

  wake(replica: Replica): void {
    this.#awake.wake(replica);
  }

  reroute(group: GroupId, items: readonly Rerouted[]): void {
    this.#requests.reroute(group, items);
  }

  roleChanged(replica: Replica): void {
    if (replica.leads) this.#hints.send(this.#yields);
    this.#leaderFound(replica.group);
  }

  settled(replica: Replica): void {
    this.#requests.settled(replica.group);
  }

  makeMachine(space: Space): StateMachine {
    if (space.group === META_GROUP) return new MetaMachine(space, (map) => this.#onMetaMap(map));
    return new ShardMachine(this.env, space, this.#commandOf, this.figures.keyspace);
  }

  #onMetaMap(map: ClusterMap): void {
    this.#map.update(map);
    if (this.replicaOf(META_GROUP)?.leads === true) this.#mapMade = true;
  }

  nodeOf(group: GroupId, replica: ReplicaId): NodeId | undefined {
    return membersOf(this.map, group).find((member) => member.replica === replica)?.node;
  }

  sendTransfer(group: GroupId, to: ReplicaId, bytes: Uint8Array): void {
    const node = this.nodeOf(group, to);
    const from = this.#hosted.get(group)?.replica.id;
    if (node === undefined || from === undefined) return;
    this.#transferSentBytes += bytes.length;
    this.#links.send(node, encodeTransferMessage(group, from, to, bytes));
    this.env.requestPass();
  }

  claimTransfer(direction: "send" | "receive", replica: Replica): boolean {
    return this.#transferTurns.claim(direction, replica);
  }

  releaseTransfer(direction: "send" | "receive", replica: Replica): void {
    this.#transferTurns.release(direction, replica);
  }

  onTruncated(group: GroupId, index: Index): void {
    this.raft.truncated(group, index);
  }

  onSlowWrite(runningMs: number): void {
    this.env.log("warn", "a log write is slow: handing leaderships over", { runningMs });
    this.#leadership.handOver();
    this.env.requestPass();
  }

  onPressure(): void {
    this.store.flush(() => {
      for (const replica of this.replicas()) replica.release();
    });
  }

  /** Another should lead: this node stops, its disk is nearly full, or its clock is far from the others'. */
  get #yields(): boolean {
    return this.#shuttingDown || this.diskFull || this.#hints.clock.saidAstray;
  }

  /** Asks other members to lead; returns how many it leads that they could. Call again until none, or give up. */
  handOver(): number {
    if (!this.#shuttingDown) {
      this.#shuttingDown = true;
      this.#hints.send(this.#yields);
    }
    const led = this.#leadership.handOver();
    this.env.requestPass();
    return led;
  }
}
