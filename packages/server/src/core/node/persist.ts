import type { GroupId } from "../base/index.ts";
import { mark } from "../base/index.ts";
import type { Log } from "../log/index.ts";
import type { HardState, OutMessage, RaftCore, Ready } from "../raft/index.ts";
import type { Replica } from "../replica/index.ts";

interface Item {
  readonly ready: Ready;
  durable: boolean;
}

/**
 * The Readys of one group on their way to the disk. The core is told, and a Ready's messages leave, strictly in order:
 * `persisted(n)` vouches for every Ready up to n, so one that needed no write still waits for those before it.
 */
export class PersistQueue {
  readonly #group: GroupId;
  readonly #raft: RaftCore;
  readonly #log: Log;
  readonly #replica: Replica;
  readonly #release: (group: GroupId, messages: readonly OutMessage[]) => void;
  readonly #items: Item[] = [];
  /** Held back while the rows of a snapshot are switched in: the log must be reset before anything follows. */
  #held: Ready[] = [];
  #hardState: HardState;

  constructor(
    replica: Replica,
    raft: RaftCore,
    log: Log,
    hardState: HardState,
    release: (group: GroupId, messages: readonly OutMessage[]) => void,
  ) {
    this.#group = replica.group;
    this.#replica = replica;
    this.#raft = raft;
    this.#log = log;
    this.#hardState = hardState;
    this.#release = release;
  }

  get hardState(): HardState {
    return this.#hardState;
  }

  push(ready: Ready): void {
    if (this.#replica.transfers.installing) {
      mark("persist: held behind a snapshot");
      this.#held.push(ready);
    } else if (ready.snapshot !== undefined) this.#install(ready, ready.snapshot);
    else this.#write(ready);
  }

  #write(ready: Ready): void {
    if (ready.hardState !== undefined) this.#hardState = ready.hardState;
    const item: Item = { ready, durable: false };
    this.#items.push(item);
    if (!ready.mustSync && ready.entries.length === 0) return this.#done(item);
    // Whatever was committed or voted meanwhile goes along: a frame with entries carries the newest hard state.
    this.#log.append(this.#group, this.#hardState, ready.entries, () => this.#done(item));
  }

  #install(ready: Ready, snapshot: NonNullable<Ready["snapshot"]>): void {
    if (ready.hardState !== undefined) this.#hardState = ready.hardState;
    this.#replica.transfers.install(snapshot.index, () => {
      this.#log.reset(this.#group, snapshot.index, snapshot.term, this.#hardState, () => {});
      this.#write(ready);
      for (const held of this.#held.splice(0)) this.push(held);
      this.#log.flush();
    });
  }

  #done(done: Item): void {
    done.durable = true;
    while (this.#items[0]?.durable === true) {
      const { ready } = this.#items.shift() as Item;
      if (this.#replica.stopped !== undefined) continue;
      this.#raft.persisted(this.#group, ready.number);
      if (ready.snapshot !== undefined) this.#raft.applied(this.#group, ready.snapshot.index);
      this.#release(this.#group, ready.messagesAfterPersist);
    }
  }
}
