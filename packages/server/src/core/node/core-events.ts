import type { GroupId, Index, NodeId, ReplicaId, Term } from "../base/index.ts";
import type { PeerLinks } from "../env/index.ts";
import type { Log } from "../log/index.ts";
import type { ConfState, DropReason, Entry, OutMessage, RaftCore, RaftEvents, Ready, Role } from "../raft/index.ts";
import type { Replica } from "../replica/index.ts";
import { encodeRaft } from "./messages.ts";
import type { PersistQueue } from "./persist.ts";

/** MessageType of eraftpb: the one message that does not travel alone, but behind the rows it stands for. */
const MSG_SNAPSHOT = 7;

export interface Hosted {
  readonly replica: Replica;
  readonly persist: PersistQueue;
}

export interface CoreEventsHost {
  readonly raft: RaftCore;
  readonly log: Log;
  readonly links: PeerLinks;
  hosted(group: GroupId): Hosted | undefined;
  nodeOf(group: GroupId, replica: ReplicaId): NodeId | undefined;
  requestPass(): void;
}

/** Takes what the Raft core reports to the replica, the log or the peer that it concerns. */
export class CoreEvents implements RaftEvents {
  readonly #host: CoreEventsHost;

  constructor(host: CoreEventsHost) {
    this.#host = host;
  }

  onProposed(group: GroupId, ticket: number, term: Term, index: Index): void {
    this.#host.hosted(group)?.replica.onProposed(ticket, term, index);
  }

  onDropped(group: GroupId, ticket: number, reason: DropReason): void {
    this.#host.hosted(group)?.replica.onDropped(ticket, reason);
  }

  onMessage(group: GroupId, message: OutMessage): void {
    const host = this.#host;
    const hosted = host.hosted(group);
    if (hosted === undefined) return;
    if (message.type === MSG_SNAPSHOT) {
      hosted.replica.transfers.sendInstall(message.to, message.bytes);
      return;
    }
    const node = host.nodeOf(group, message.to);
    if (node !== undefined) host.links.send(node, encodeRaft(group, message.bytes));
  }

  onReady(ready: Ready): void {
    const hosted = this.#host.hosted(ready.group);
    if (hosted === undefined || hosted.replica.stopped !== undefined) return;
    hosted.replica.onReady(ready);
    hosted.persist.push(ready);
  }

  onCommitted(group: GroupId, entries: readonly Entry[]): void {
    this.#host.hosted(group)?.replica.onCommitted(entries);
  }

  onReadReady(group: GroupId, context: number, index: Index): void {
    this.#host.hosted(group)?.replica.onReadReady(context, index);
  }

  onReadDropped(group: GroupId, context: number): void {
    this.#host.hosted(group)?.replica.onReadDropped(context);
  }

  onRole(group: GroupId, role: Role, leader: ReplicaId, term: Term): void {
    this.#host.hosted(group)?.replica.onRole(role, leader, term);
  }

  onEntriesWanted(group: GroupId, peer: ReplicaId, from: Index, to: Index, bytesMax: number): void {
    this.#host.log.read(group, from, to, bytesMax, (entries) => {
      this.#host.raft.provideEntries(group, peer, entries);
      this.#host.requestPass();
    });
  }

  onSnapshotWanted(group: GroupId, peer: ReplicaId, atLeast: Index): void {
    this.#host.hosted(group)?.replica.onSnapshotWanted(peer, atLeast);
  }

  onConfState(group: GroupId, confState: ConfState): void {
    this.#host.hosted(group)?.replica.onConfState(confState);
  }
}
