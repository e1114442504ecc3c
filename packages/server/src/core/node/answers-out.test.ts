import { beforeEach, expect, test } from "vitest";
import {
  ANSWERS_HELD_BYTES_MAX,
  ANSWERS_QUEUE_BYTES_MAX,
  ByteReader,
  type NodeId,
  nodeId,
  VALUE_BYTES_MAX,
} from "../base/index.ts";
import type { PeerLinks } from "../env/index.ts";
import { AnswersOut } from "./answers-out.ts";
import { decodeAnswer } from "./messages.ts";

const [SLOW, OTHER] = ["a", "b"].map((digit) => nodeId(digit.repeat(40))) as [NodeId, NodeId];
const MIB = 1024 * 1024;
const bytes = new Uint8Array(VALUE_BYTES_MAX);

/** Links that keep what is sent until the test takes it. */
class Links implements PeerLinks {
  readonly queues: Map<NodeId, Uint8Array[]> = new Map();
  flushes = 0;

  send(to: NodeId, message: Uint8Array): void {
    this.queues.set(to, [...(this.queues.get(to) ?? []), message]);
  }

  queuedBytes(to: NodeId): number {
    return (this.queues.get(to) ?? []).reduce((sum, message) => sum + message.length, 0);
  }

  flush(): void {
    this.flushes += 1;
  }

  isUp(): boolean {
    return true;
  }

  /** The network takes everything: the ids of the answers. */
  take(to: NodeId): number[] {
    const queue = this.queues.get(to) ?? [];
    this.queues.delete(to);
    return queue.map((message) => decodeAnswer(new ByteReader(message, 1)).id);
  }
}

let links: Links;
let answers: AnswersOut;
beforeEach(() => {
  links = new Links();
  answers = new AnswersOut(links);
});

const answer = (to: NodeId, id: number, size: number): void =>
  answers.send(to, { id, reply: { type: "bulk", bytes: bytes.subarray(0, size) } });

test("answers that a link has room for leave at once", () => {
  for (let id = 1; id <= 7; id += 1) answer(SLOW, id, MIB);
  expect(answers.heldBytes).toBe(0);
  expect(links.take(SLOW)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  answers.pump();
  expect(links.flushes).toBe(0);
});

test("what is too much for a link waits in its order, and Raft's messages have little before them", () => {
  for (let id = 1; id <= 20; id += 1) answer(SLOW, id, MIB);
  // Small ones do not overtake, or the large ones would look lost to those who wait for them.
  answer(SLOW, 21, 1);
  answer(OTHER, 22, MIB);
  expect(links.queuedBytes(SLOW)).toBeLessThanOrEqual(ANSWERS_QUEUE_BYTES_MAX);
  expect(links.take(OTHER)).toEqual([22]);
  const arrived: number[] = [];
  for (let pass = 0; answers.heldBytes > 0; pass += 1) {
    expect(pass).toBeLessThan(5);
    arrived.push(...links.take(SLOW));
    answers.pump();
    expect(links.queuedBytes(SLOW)).toBeLessThanOrEqual(ANSWERS_QUEUE_BYTES_MAX);
  }
  arrived.push(...links.take(SLOW));
  expect(arrived).toEqual(Array.from({ length: 21 }, (_, n) => n + 1));
  answer(SLOW, 30, 1);
  expect(links.take(SLOW)).toEqual([30]);
});

test("the largest value leaves when nothing is before it", () => {
  answer(SLOW, 1, VALUE_BYTES_MAX);
  expect(answers.heldBytes).toBe(0);
  answer(SLOW, 2, VALUE_BYTES_MAX);
  answers.pump();
  expect(links.take(SLOW)).toEqual([1]);
  answers.pump();
  expect(links.take(SLOW)).toEqual([2]);
});

test("what would be too much to hold is lost and counted; a link that ends takes what waits for it along", () => {
  const count = ANSWERS_HELD_BYTES_MAX / VALUE_BYTES_MAX + 5;
  for (let id = 0; id < count; id += 1) answer(SLOW, id, VALUE_BYTES_MAX);
  expect(answers.heldBytes).toBeLessThanOrEqual(ANSWERS_HELD_BYTES_MAX);
  expect(answers.dropped).toBe(5);
  answers.onLinkDown(SLOW);
  expect(answers.heldBytes).toBe(0);
  links.take(SLOW);
  answer(SLOW, 99, MIB);
  expect(links.take(SLOW)).toEqual([99]);
});
