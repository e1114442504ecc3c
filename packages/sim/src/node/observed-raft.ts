import type { GroupId, Index, ReplicaId, Term } from "sherd/core/base";
import type { DropReason, Entry, OutMessage, RaftCore, RaftEvents, Ready, Role } from "sherd/core/raft";

/** What the checkers want to hear of a node's Raft core. */
export interface RaftWatcher {
  onRole(group: GroupId, role: Role, leader: ReplicaId, term: Term): void;
  onCommitted(group: GroupId, entries: readonly Entry[]): void;
  onReady(ready: Ready): void;
  onDropped(group: GroupId): void;
}

type ConfState = Parameters<RaftEvents["onConfState"]>[1];

/** The production core, watched. Changes nothing. */
class ObservedEvents implements RaftEvents {
  readonly #events: RaftEvents;
  readonly #watcher: RaftWatcher;

  constructor(events: RaftEvents, watcher: RaftWatcher) {
    this.#events = events;
    this.#watcher = watcher;
  }

  onProposed(group: GroupId, ticket: number, term: Term, index: Index): void {
    this.#events.onProposed(group, ticket, term, index);
  }

  onDropped(group: GroupId, ticket: number, reason: DropReason): void {
    this.#watcher.onDropped(group);
    this.#events.onDropped(group, ticket, reason);
  }

  onMessage(group: GroupId, message: OutMessage): void {
    this.#events.onMessage(group, message);
  }

  onReady(ready: Ready): void {
    this.#watcher.onReady(ready);
    this.#events.onReady(ready);
  }

  onCommitted(group: GroupId, entries: readonly Entry[]): void {
    this.#watcher.onCommitted(group, entries);
    this.#events.onCommitted(group, entries);
  }

  onReadReady(group: GroupId, context: number, index: Index): void {
    this.#events.onReadReady(group, context, index);
  }

  onReadDropped(group: GroupId, context: number, reason: DropReason): void {
    this.#events.onReadDropped(group, context, reason);
  }

  onRole(group: GroupId, role: Role, leader: ReplicaId, term: Term): void {
    this.#watcher.onRole(group, role, leader, term);
    this.#events.onRole(group, role, leader, term);
  }

  onEntriesWanted(group: GroupId, peer: ReplicaId, from: Index, to: Index, bytesMax: number): void {
    this.#events.onEntriesWanted(group, peer, from, to, bytesMax);
  }

  onSnapshotWanted(group: GroupId, peer: ReplicaId, atLeast: Index): void {
    this.#events.onSnapshotWanted(group, peer, atLeast);
  }

  onConfState(group: GroupId, confState: ConfState): void {
    this.#events.onConfState(group, confState);
  }
}

/** `core` with its events shown to the watcher first. */
export function observeRaft(core: RaftCore, watcher: RaftWatcher): RaftCore {
  return replaceMethods(core, {
    exec: (events) => core.exec(new ObservedEvents(events, watcher)),
  });
}

/** An object that does what `target` does, but for the methods given. */
export function replaceMethods<T extends object>(target: T, methods: Partial<T>): T {
  return new Proxy(target, {
    get(object, name) {
      if (Object.hasOwn(methods, name)) return Reflect.get(methods, name) as unknown;
      const value: unknown = Reflect.get(object, name, object);
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(object) : value;
    },
  });
}
