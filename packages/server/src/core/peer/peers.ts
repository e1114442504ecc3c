import {
  assert,
  Complaints,
  type ErrorCode,
  NODES_MAX,
  type NodeId,
  PEER_HANDSHAKES_MAX,
  PEER_PING_MS,
  PEER_QUEUE_BYTES_MAX,
  SherdError,
  TICK_MS,
} from "../base/index.ts";
import type { CloseReason, Connection, ConnectionHandler, Env, Network } from "../env/index.ts";
import type { NodeInfo } from "../meta/index.ts";
import { Book, type Learned } from "./book.ts";
import type { Hello, Refusal } from "./codec.ts";
import { Link, peerAddress } from "./link.ts";
import { Seeds } from "./seeds.ts";
import { type PeerAddress, PeerStream, type StreamOwner } from "./stream.ts";
import type { NodeAddressBook, PeerIdentity, Peers, PeersDisk, PeersHandler, PeersOptions } from "./types.ts";

/**
 * Connects this node with all others, and keeps it so.
 * Throws SHERD_PEERS_DAMAGED, SHERD_DATA_FORMAT, SHERD_DATA_OTHER_CLUSTER (the file of known peers) or
 * SHERD_CONFIG_INVALID (a seed).
 */
export function openPeers(
  env: Env,
  network: Network,
  disk: PeersDisk,
  options: PeersOptions,
  handler: PeersHandler,
): Peers {
  return new PeerNetwork(env, network, disk, options, handler);
}

class PeerNetwork implements Peers, StreamOwner {
  readonly #env: Env;
  readonly #network: Network;
  readonly #handler: PeersHandler;
  readonly #self: PeerIdentity;
  readonly #selfInfo: Hello["sender"];
  readonly #book: Book;
  readonly #seeds: Seeds;
  #members: ReadonlySet<NodeId> = new Set();
  readonly #links = new Map<NodeId, Link>();
  /** All that are not closed: connecting, greeting, and those of links. */
  readonly #streams = new Set<PeerStream>();
  /** Links with messages for the next flush. */
  #dirty: Link[] = [];
  /** Ticks times their length: a stall of this process makes no peer look silent. */
  #nowMs = 0;
  #closed = false;
  readonly #complaints: Complaints;
  readonly #count = {
    peerMessagesSent: 0,
    peerMessagesReceived: 0,
    peerMessagesDropped: 0,
    peerBytesSent: 0,
    peerBytesReceived: 0,
    peerDials: 0,
    peerRefusals: 0,
    peerBrokenStreams: 0,
  };

  constructor(env: Env, network: Network, disk: PeersDisk, options: PeersOptions, handler: PeersHandler) {
    this.#env = env;
    this.#network = network;
    this.#handler = handler;
    const { self } = options;
    this.#self = self;
    this.#selfInfo = {
      id: self.nodeId,
      name: self.name,
      addresses: self.addresses,
      bootCounter: self.bootCounter,
      directory: self.directoryId,
    };
    this.#book = new Book(env, disk, self, (node) => this.#members.has(node) || this.#links.has(node));
    this.#seeds = new Seeds(env, options.seeds);
    this.#complaints = new Complaints(env);
    this.#setMembers(options.members);
    this.#book.save();
    network.listen((connection) => this.#accept(connection));
    this.#dialMissing();
  }

  // --- what the node asks for

  send(to: NodeId, message: Uint8Array, queuedBytesMax: number = PEER_QUEUE_BYTES_MAX): void {
    assert(to !== this.#self.nodeId, "a node sends nothing to itself over the network");
    const link = this.#links.get(to);
    if (link?.carrier === undefined) {
      this.#count.peerMessagesDropped += 1;
      return;
    }
    if (!link.queue.push(message, queuedBytesMax)) {
      this.#count.peerMessagesDropped += 1;
      link.droppedMessages += 1;
      return;
    }
    this.#count.peerMessagesSent += 1;
    this.#count.peerBytesSent += message.length;
    if (link.dirty) return;
    link.dirty = true;
    this.#dirty.push(link);
  }

  queuedBytes(to: NodeId): number {
    return this.#links.get(to)?.queue.bytes ?? 0;
  }

  flush(): void {
    for (const link of this.#dirty) {
      link.dirty = false;
      this.#pump(link);
    }
    this.#dirty.length = 0;
  }

  isUp(node: NodeId): boolean {
    return this.#links.get(node)?.up ?? false;
  }

  known(): NodeAddressBook {
    return this.#book.nodes;
  }

  numbers(): Readonly<Record<string, number>> {
    let queued = 0;
    let up = 0;
    for (const link of this.#links.values()) {
      queued += link.queue.bytes;
      if (link.up) up += 1;
    }
    return { ...this.#count, peerQueuedBytes: queued, peersUp: up };
  }

  update(members: readonly NodeInfo[]): void {
    if (this.#closed) return;
    this.#setMembers(members);
    this.#dialMissing();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stream of this.#streams) stream.close();
    this.#streams.clear();
    this.#links.clear();
    this.#dirty = [];
    this.#book.save();
  }

  tick(): void {
    if (this.#closed) return;
    this.#nowMs += TICK_MS;
    for (const stream of this.#streams) this.#checkStream(stream);
    for (const link of this.#links.values()) this.#tickLink(link);
    this.#dialMissing();
    this.#book.save();
  }

  // --- time

  #checkStream(stream: PeerStream): void {
    const why = stream.overdue(this.#nowMs);
    if (why === undefined) return;
    if (why === "silent") {
      this.#env.log("warn", "a peer was silent for too long; the connection is closed", {
        peer: stream.peer?.name,
        remote: stream.remote,
      });
    }
    this.#drop(stream, "failed");
  }

  #tickLink(link: Link): void {
    const { outgoing } = link;
    if (link.droppedMessages > 0) {
      this.#complaints.log(
        this.#nowMs,
        "warn",
        `queue ${link.node}`,
        "messages to a peer that reads too slowly were dropped",
        {
          peer: this.#book.get(link.node)?.name,
          queuedBytes: link.queue.bytes,
          messages: link.droppedMessages,
        },
      );
      link.droppedMessages = 0;
    }
    if (outgoing?.peer !== undefined) {
      if (outgoing.toldVersion < this.#book.version && !outgoing.blocked) {
        outgoing.sendGossip(this.#book.changedSince(outgoing.toldVersion));
        outgoing.toldVersion = this.#book.version;
      }
      if (this.#nowMs - link.pingedMs >= PEER_PING_MS) {
        link.pingedMs = this.#nowMs;
        outgoing.sendPing();
      }
    } else if (outgoing === undefined && !this.#wanted(link)) {
      this.#links.delete(link.node);
    }
  }

  // --- dialing

  /** Members, and whoever connected to this node: it waits for answers. */
  #wanted(link: Link): boolean {
    return this.#isMember(link.node) || link.incoming !== undefined;
  }

  /** A node that has no map yet takes everyone it has heard of for a member. */
  #isMember(node: NodeId): boolean {
    return this.#members.has(node) || (this.#members.size === 0 && this.#book.nodes.has(node));
  }

  #dialMissing(): void {
    if (this.#closed) return;
    if (this.#members.size === 0) for (const node of this.#book.nodes.keys()) this.#link(node);
    let missing = this.#members.size === 0;
    for (const link of this.#links.values()) {
      if (link.ready) continue;
      missing = true;
      if (link.outgoing === undefined && this.#nowMs >= link.backoff.atMs) this.#dial(link);
    }
    if (!missing) return;
    this.#seeds.dialDue(this.#nowMs, (address) => this.#dialStream(address, undefined));
  }

  #dial(link: Link): void {
    const { address } = link;
    if (address === undefined || link.outgoing !== undefined || !this.#wanted(link)) return;
    link.outgoing = this.#dialStream(address, link.node);
  }

  #dialStream(address: PeerAddress, expected: NodeId | undefined): PeerStream {
    const { host, port } = address;
    const stream = new PeerStream(this.#env, this, this.#nowMs, { host, port, expected });
    this.#streams.add(stream);
    this.#count.peerDials += 1;
    stream.attach(this.#network.dial(host, port, stream));
    return stream;
  }

  /** Closes a stream and draws the same conclusions as if it had ended by itself. */
  #drop(stream: PeerStream, reason: CloseReason): void {
    if (!this.#streams.has(stream)) return;
    stream.close();
    this.onEnd(stream, reason);
  }

  // --- links

  #link(node: NodeId): Link {
    let link = this.#links.get(node);
    if (link === undefined) {
      link = new Link(this.#env, this.#self.nodeId, node);
      const info = this.#book.get(node);
      if (info !== undefined) link.prefer(peerAddress(info));
      this.#links.set(node, link);
    }
    return link;
  }

  #pump(link: Link): void {
    const { carrier } = link;
    if (carrier !== undefined && !carrier.blocked) link.queue.pump(carrier);
  }

  // --- what streams report

  #accept(connection: Connection): ConnectionHandler {
    const stream = new PeerStream(this.#env, this, this.#nowMs, undefined);
    stream.attach(connection);
    let greeting = 0;
    for (const other of this.#streams) if (other.target === undefined && other.peer === undefined) greeting += 1;
    if (this.#closed || greeting >= PEER_HANDSHAKES_MAX) stream.close();
    else this.#streams.add(stream);
    return stream;
  }

  onOpen(stream: PeerStream): void {
    stream.bornMs = this.#nowMs;
    this.#sayHello(stream, stream.target?.expected);
  }

  #sayHello(stream: PeerStream, expected: NodeId | undefined): void {
    stream.toldVersion = this.#book.version;
    const gossip = [...this.#book.nodes.values()];
    stream.sendHello({ cluster: this.#self.clusterId, expected, sender: this.#selfInfo, gossip });
  }

  onHello(stream: PeerStream, hello: Hello): void {
    const { sender } = hello;
    if (this.#isSelf(sender)) {
      this.#metSelf(stream);
      return;
    }
    const verdict = this.#book.judge(hello);
    if (verdict !== undefined) {
      this.#refuse(stream, verdict.code, verdict.detail);
      return;
    }
    this.#learned(this.#book.meet(sender), sender);
    for (const node of hello.gossip) this.#learn(node);
    if (stream.closed) return;
    if (stream.target === undefined) this.#admit(stream, hello);
    else if (stream.target.expected === sender.id) this.#arrived(stream, sender);
    else this.#arrivedElsewhere(stream, stream.target, sender);
  }

  #isSelf(sender: NodeInfo): boolean {
    return (
      sender.id === this.#self.nodeId &&
      sender.directory === this.#self.directoryId &&
      sender.bootCounter === this.#self.bootCounter
    );
  }

  /** A seed or an old address led back here. The accepted end answers, and the dialing end draws the conclusion. */
  #metSelf(stream: PeerStream): void {
    if (stream.target === undefined) {
      this.#sayHello(stream, undefined);
      return;
    }
    this.#seeds.wasSelf(stream);
    this.#drop(stream, "failed");
  }

  #refuse(stream: PeerStream, code: ErrorCode, detail: string): void {
    this.#count.peerRefusals += 1;
    this.#complain(code, stream, detail);
    stream.sendRefusal({ code, cluster: this.#self.clusterId, node: this.#self.nodeId, detail });
    this.#drop(stream, "failed");
  }

  /** An accepted stream said hello, and may stay. */
  #admit(stream: PeerStream, hello: Hello): void {
    const { sender } = hello;
    this.#sayHello(stream, sender.id);
    // Meant for another node, or only asking who is here: it was told, and closes.
    if (hello.expected !== this.#self.nodeId) return;
    const link = this.#link(sender.id);
    const before = link.incoming;
    if (before !== undefined) this.#drop(before, "ended");
    stream.accept(sender);
    link.incoming = stream;
    link.refused = false;
    link.backoff.reset();
    this.#dial(link);
    link.report(this.#handler);
  }

  /** A dialed stream reached the node that it was meant for. */
  #arrived(stream: PeerStream, sender: NodeInfo): void {
    const link = this.#link(sender.id);
    assert(link.outgoing === stream, "a link has one outgoing stream");
    stream.accept(sender);
    link.arrived(stream.target as PeerAddress, this.#nowMs);
    link.report(this.#handler);
  }

  /** A seed answered, or another node has the address now. Its own addresses are known from its hello. */
  #arrivedElsewhere(stream: PeerStream, target: PeerAddress, sender: NodeInfo): void {
    if (this.#isMember(sender.id)) {
      const link = this.#link(sender.id);
      if (!link.ready) {
        link.alsoTry(target);
        link.backoff.reset();
        this.#dial(link);
      }
    }
    this.#seeds.answered(stream, this.#nowMs);
    this.#drop(stream, "failed");
  }

  onRefusal(stream: PeerStream, refusal: Refusal): void {
    const { code, cluster, node } = refusal;
    this.#complain(code, stream, refusal.detail);
    this.#drop(stream, "failed");
    if (cluster !== this.#self.clusterId) return;
    const who = this.#book.get(node)?.name ?? node;
    if (code === "SHERD_DATA_EMPTIED" || code === "SHERD_DATA_OLDER_COPY") {
      this.#mustEnd(code, `Refused by ${who}: ${refusal.detail}`);
    }
  }

  onGossip(_stream: PeerStream, nodes: readonly NodeInfo[]): void {
    for (const node of nodes) this.#learn(node);
  }

  onMessage(stream: PeerStream, message: Uint8Array): void {
    this.#count.peerMessagesReceived += 1;
    this.#count.peerBytesReceived += message.length;
    this.#handler.onMessage((stream.peer as NodeInfo).id, message);
  }

  onDrain(stream: PeerStream): void {
    const link = stream.peer === undefined ? undefined : this.#links.get(stream.peer.id);
    if (link?.carrier !== stream) return;
    link.queue.drained();
    this.#pump(link);
  }

  onBroken(stream: PeerStream, code: ErrorCode, detail: string): void {
    this.#count.peerBrokenStreams += 1;
    this.#complain(code, stream, detail);
    this.#drop(stream, "failed");
  }

  onEnd(stream: PeerStream, reason: CloseReason): void {
    if (!this.#streams.delete(stream)) return;
    const { target } = stream;
    if (target === undefined) {
      const link = stream.peer === undefined ? undefined : this.#links.get(stream.peer.id);
      if (link?.incoming !== stream) return;
      link.remove(stream);
      link.report(this.#handler);
    } else if (target.expected === undefined) {
      this.#seeds.failed(stream, this.#nowMs);
    } else {
      const link = this.#links.get(target.expected);
      if (link?.outgoing !== stream) return;
      if (link.outgoingEnded(reason, this.#nowMs)) this.#dial(link);
      link.report(this.#handler);
    }
  }

  // --- what is known of nodes

  #setMembers(members: readonly NodeInfo[]): void {
    assert(members.length <= NODES_MAX, "a cluster has a bounded number of nodes");
    const others = members.filter((member) => member.id !== this.#self.nodeId);
    this.#members = new Set(others.map((member) => member.id));
    for (const member of others) {
      const learned = this.#book.learnFromMap(member);
      this.#link(member.id);
      if (learned === "news") this.#follow(member.id);
    }
  }

  #learn(node: NodeInfo): void {
    if (this.#closed) return;
    if (node.id !== this.#self.nodeId) {
      this.#learned(this.#book.learn(node), node);
      return;
    }
    const verdict = this.#book.judgeSelf(node);
    if (verdict !== undefined) this.#mustEnd(verdict.code, verdict.detail);
  }

  #learned(learned: Learned, node: NodeInfo): void {
    if (learned === "conflict") {
      this.#complaints.log(
        this.#nowMs,
        "error",
        `conflict ${node.id}`,
        "peers name different data directories for one node",
        {
          node: node.id,
          known: this.#book.get(node.id)?.directory,
          heard: node.directory,
        },
      );
    } else if (learned === "news") {
      this.#follow(node.id);
      this.#handler.onAddresses?.(this.#book.get(node.id) as NodeInfo);
    }
  }

  /** A node started again, perhaps elsewhere: leaves what belongs to its earlier start, and dials. */
  #follow(node: NodeId): void {
    const link = this.#links.get(node);
    const info = this.#book.get(node);
    if (link === undefined || info === undefined) return;
    for (const stream of link.follow(info)) this.#drop(stream, "failed");
    link.backoff.reset();
    this.#dial(link);
  }

  /** Nothing more leaves or arrives: this node's past on another directory has the right to its id. */
  #mustEnd(code: ErrorCode, detail: string): void {
    if (this.#closed) return;
    this.close();
    this.#handler.onRefused(code, detail);
  }

  // --- complaints

  #complain(code: ErrorCode, stream: PeerStream, detail: string): void {
    this.#complaints.log(this.#nowMs, "error", `${code} ${stream.remote}`, new SherdError(code, detail).message, {
      remote: stream.remote,
    });
  }
}
