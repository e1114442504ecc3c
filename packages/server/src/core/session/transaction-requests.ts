import type { User } from "../access/index.ts";
import { assert, type GroupId, type Slot, TRANSACTION_NODE_ANSWERS_BYTES_MAX } from "../base/index.ts";
import { type CommandSpec, err, OK, type Reply, replyBytes, transactions, type Watched } from "../command/index.ts";
import type { CommandStatistics } from "./command-statistics.ts";
import { recordReply } from "./command-timer.ts";
import { OpenRequest, type RequestOwner } from "./open-request.ts";

/** WATCH on its way: the shard answers with versions, the client gets OK. */
export class WatchRequest extends OpenRequest {
  /** Undefined until it is known what is watched; empty when the shard could not say. */
  watched: readonly Watched[] | undefined;

  constructor(owner: RequestOwner, keys: readonly Uint8Array[], slot: Slot, group: GroupId) {
    super(owner, transactions.watch, keys, slot, group, false);
  }

  /** It is not asked for: nothing is watched. */
  giveUp(): void {
    this.watched = [];
  }

  /** May happen again: a read that was overtaken is read again, and the later versions count. */
  override complete(reply: Reply): void {
    if (reply.type !== "array") {
      this.watched = [];
      return super.complete(reply);
    }
    this.watched = reply.items.map((version, at) => {
      assert(version.type === "integer", "a row's version is a number");
      return { key: this.args[at] as Uint8Array, version: Number(version.value) };
    });
    super.complete(OK);
  }
}

/** A queued command that is answered here. */
export interface QueuedHere {
  readonly answer: () => Reply;
  /** Its answer may be large whatever was sent. */
  readonly limited: boolean;
}

/** What a queued command is answered by: the shard that runs it, or here. */
export type Queued = CommandSpec | QueuedHere;

const isHere = (queued: Queued): queued is QueuedHere => "answer" in queued;

/** The shard has done its part by then, so only this command can be refused. */
const NOT_RUN = err(
  `not run: the transaction's answers before it that the node gives itself exceed ${TRANSACTION_NODE_ANSWERS_BYTES_MAX} bytes`,
);

/** EXEC on its way: what the shard does not answer is put between what it does. */
export class ExecRequest extends OpenRequest {
  /** By whose rules each command was checked; undefined: nobody's. */
  readonly user: User | undefined;
  readonly #queue: readonly Queued[];
  #here: readonly Reply[] | undefined;

  constructor(
    owner: RequestOwner,
    user: User | undefined,
    spec: CommandSpec,
    argument: Uint8Array,
    slot: Slot,
    group: GroupId,
    queue: readonly Queued[],
  ) {
    super(owner, spec, [argument], slot, group, spec !== transactions.read);
    this.user = user;
    this.#queue = queue;
  }

  /** May happen again: reads that were overtaken are read again. What is answered here, PUBLISH perhaps, has run by then. */
  override complete(reply: Reply): void {
    if (reply.type !== "array") return super.complete(reply);
    this.#here ??= answersHere(this.#queue);
    super.complete(merged(this.#queue, reply.items, this.#here));
  }

  /** A queued command took as long as its transaction. */
  override count(statistics: CommandStatistics, durationUs: number): void {
    super.count(statistics, durationUs);
    if (this.reply?.type !== "array") return;
    for (const [at, queued] of this.#queue.entries()) {
      if (!isHere(queued)) recordReply(statistics, queued, this.reply.items[at] as Reply, durationUs);
    }
  }
}

/** The replies of a transaction in the order of its commands. */
export const merge = (queue: readonly Queued[], ofShard: readonly Reply[]): Reply =>
  merged(queue, ofShard, answersHere(queue));

function merged(queue: readonly Queued[], ofShard: readonly Reply[], here: readonly Reply[]): Reply {
  let [nextOfShard, nextHere] = [0, 0];
  const items = queue.map((queued) => {
    if (isHere(queued)) nextHere += 1;
    else nextOfShard += 1;
    return (isHere(queued) ? here[nextHere - 1] : ofShard[nextOfShard - 1]) as Reply;
  });
  return { type: "array", items };
}

/** Runs what is answered here. */
function answersHere(queue: readonly Queued[]): Reply[] {
  let limitedBytes = 0;
  return queue.filter(isHere).map(({ limited, answer }) => {
    if (!limited) return answer();
    if (limitedBytes > TRANSACTION_NODE_ANSWERS_BYTES_MAX) return NOT_RUN;
    const reply = answer();
    limitedBytes += replyBytes(reply);
    return reply;
  });
}
