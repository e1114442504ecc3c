import { type GroupId, RANDOM_KEY_SHARDS_MAX, SLOT_COUNT, type Slot } from "../../base/index.ts";
import {
  array,
  bulkText,
  type CommandSpec,
  type ErrorReply,
  err,
  errorReply,
  integer,
  NIL,
  NOT_AN_INTEGER,
  OK,
  parseInt64,
  type Reply,
  SLOT_NOT_SERVED,
  SYNTAX_ERROR,
  word,
} from "../../command/index.ts";
import { FLUSH, RANDOM_KEY, SHARD_KEYS, SLOT_KEYS } from "../../machine/index.ts";
import { askShard, keys, keysInSlot, scan, shardsOf, slotsFor } from "../keyspace/index.ts";
import { Later } from "../later.ts";
import type { Answers, LocalCall } from "./types.ts";

/** Asks all shards of the connection's scope at the same time; `done` gets their replies when all have answered. */
function askAll(
  { connection, connections }: LocalCall,
  spec: CommandSpec,
  done: (replies: ReadonlyMap<GroupId, Reply>, later: Later) => void,
): Later {
  const later = new Later();
  const { node } = connections;
  const shards = shardsOf(slotsFor(connection, node));
  const replies = new Map<GroupId, Reply>();
  const answered = (): void => {
    if (replies.size === shards.size) done(replies, later);
  };
  for (const [group, slot] of shards) {
    askShard(connection, node, spec, slot, [], (reply) => {
      replies.set(group, reply);
      answered();
    });
  }
  if (shards.size === 0) answered();
  return later;
}

function errorAmong(replies: ReadonlyMap<GroupId, Reply>): ErrorReply | undefined {
  for (const reply of replies.values()) if (reply.type === "error") return reply;
  return undefined;
}

const countOf = (reply: Reply): number => (reply.type === "integer" ? Number(reply.value) : 0);

const size = (call: LocalCall): Later =>
  askAll(call, SHARD_KEYS, (replies, later) => {
    let sum = 0;
    for (const reply of replies.values()) sum += countOf(reply);
    later.complete(errorAmong(replies) ?? integer(sum));
  });

/** 0 to 1, excluding 1. */
function fraction({ facts }: LocalCall["connections"]): number {
  let value = 0;
  for (const byte of facts.secrets.randomBytes(6)) value = (value + byte) / 256;
  return value;
}

/** The shard is drawn by how many keys it has; if its keys are gone, or have ended, another is asked. */
function randomKey(call: LocalCall): Later {
  const { connection, connections } = call;
  const { node } = connections;
  return askAll(call, SHARD_KEYS, (replies, later) => {
    const failed = errorAmong(replies);
    if (failed !== undefined) return later.complete(failed);
    const slots = shardsOf(slotsFor(connection, node));
    const left = [...replies].filter(([group, reply]) => countOf(reply) > 0 && slots.has(group));
    let asked = 0;
    const ask = (): void => {
      const sum = left.reduce((keysSoFar, [, reply]) => keysSoFar + countOf(reply), 0);
      let drawn = fraction(connections) * sum;
      const at = left.findIndex(([, reply]) => (drawn -= countOf(reply)) < 0);
      const [chosen] = left.splice(Math.max(0, at), 1);
      asked += 1;
      if (chosen === undefined || asked > RANDOM_KEY_SHARDS_MAX) return later.complete(NIL);
      askShard(connection, node, RANDOM_KEY, slots.get(chosen[0]) as Slot, [], (reply) => {
        if (reply.type === "nil") ask();
        else later.complete(reply);
      });
    };
    ask();
  });
}

/** An error that clients may retry by themselves says that nothing happened: where a part did, it is another one. */
const PARTLY = (group: GroupId, { kind, text }: ErrorReply): ErrorReply =>
  errorReply(
    "INDETERMINATE",
    `some shards are empty, but shard ${group} answered: ${kind} ${text}. Send it again to empty all.`,
  );

function flush(call: LocalCall): Reply | Later {
  const [mode, ...rest] = call.args;
  if (rest.length > 0 || (mode !== undefined && !["async", "sync"].includes(word(mode)))) return SYNTAX_ERROR;
  return askAll(call, FLUSH, (replies, later) => {
    for (const [group, reply] of replies) {
      if (reply.type !== "error") continue;
      const done = [...replies.values()].some((other) => other.type !== "error");
      return later.complete(done ? PARTLY(group, reply) : (indeterminate(replies) ?? reply));
    }
    later.complete(OK);
  });
}

/** One that does not know its outcome speaks for all. */
function indeterminate(replies: ReadonlyMap<GroupId, Reply>): ErrorReply | undefined {
  for (const reply of replies.values()) if (reply.type === "error" && reply.kind === "INDETERMINATE") return reply;
  return undefined;
}

const INVALID_SLOT = err("Invalid slot");

function countInSlot({ args, connection, connections }: LocalCall): Reply | Later {
  const slot = parseInt64(args[0] as Uint8Array);
  if (slot === undefined) return NOT_AN_INTEGER;
  if (slot < 0n || slot >= SLOT_COUNT) return INVALID_SLOT;
  const at = Number(slot) as Slot;
  const { node } = connections;
  if (node.shardOf(at) === undefined) return SLOT_NOT_SERVED;
  const later = new Later();
  askShard(connection, node, SLOT_KEYS, at, [], (reply) => later.complete(reply));
  return later;
}

function time({ connections }: LocalCall): Reply {
  const microseconds = Math.floor(connections.facts.wallMs() * 1000);
  return array([bulkText(String(Math.floor(microseconds / 1e6))), bulkText(String(microseconds % 1e6))]);
}

export const keyspaceAnswers: Answers = {
  "cluster|countkeysinslot": countInSlot,
  "cluster|getkeysinslot": keysInSlot,
  dbsize: size,
  flushall: flush,
  flushdb: flush,
  keys,
  randomkey: randomKey,
  scan,
  time,
};
