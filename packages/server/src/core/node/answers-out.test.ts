import { beforeEach, expect, test } from "vitest";
import {
  ANSWER_LARGE_BYTES_MIN,
  ANSWERS_HELD_BYTES_MAX,
  ANSWERS_PASSED_BYTES_MAX,
  ANSWERS_QUEUE_BYTES_MAX,
  ANSWERS_SMALL_QUEUE_BYTES_MAX,
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

  /** The network takes everything: the ids of the answers, negative where the reply was too large. */
  take(to: NodeId): number[] {
    const queue = this.queues.get(to) ?? [];
    this.queues.delete(to);
    return queue.map((message) => {
      const { id, tooLargeBytes } = decodeAnswer(new ByteReader(message, 1));
      return tooLargeBytes === undefined ? id : -id;
    });
  }
}

let links: Links;
let answers: AnswersOut;
beforeEach(() => {
  links = new Links();
  answers = new AnswersOut(links);
});

const answer = (to: NodeId, id: number, size: number, repeatable = true): void =>
  answers.send(to, { id, reply: { type: "bulk", bytes: bytes.subarray(0, size) } }, repeatable);

test("answers that a link has room for leave at once", () => {
  for (let id = 1; id <= 7; id += 1) answer(SLOW, id, MIB);
  expect(answers.heldBytes).toBe(0);
  expect(links.take(SLOW)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  answers.pump();
  expect(links.flushes).toBe(0);
});

test("large answers wait in their order, and Raft's messages have little before them", () => {
  for (let id = 1; id <= 20; id += 1) answer(SLOW, id, MIB);
  answer(OTHER, 22, MIB);
  expect(links.queuedBytes(SLOW)).toBeLessThanOrEqual(ANSWERS_QUEUE_BYTES_MAX);
  expect(links.take(OTHER)).toEqual([22]);
  expect(drain()).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
  answer(SLOW, 30, 1);
  expect(links.take(SLOW)).toEqual([30]);
});

test("small answers do not wait for large ones, but for room", () => {
  for (let id = 1; id <= 20; id += 1) answer(SLOW, id, MIB);
  answer(SLOW, 21, 1);
  expect(links.take(SLOW)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 21]);
  const small = ANSWER_LARGE_BYTES_MIN / 2;
  const count = 2 * Math.ceil(ANSWERS_SMALL_QUEUE_BYTES_MAX / small);
  for (let id = 101; id <= 100 + count; id += 1) answer(SLOW, id, small);
  expect(links.queuedBytes(SLOW)).toBeLessThanOrEqual(ANSWERS_SMALL_QUEUE_BYTES_MAX);
  const arrived = drain();
  expect(arrived.filter((id) => id > 100)).toEqual(Array.from({ length: count }, (_, n) => 101 + n));
  expect(arrived.filter((id) => id < 100)).toEqual(Array.from({ length: 12 }, (_, n) => 9 + n));
});

test("small answers without end do not keep a large one waiting for ever", () => {
  const small = ANSWER_LARGE_BYTES_MIN / 2;
  answer(SLOW, 1, VALUE_BYTES_MAX);
  answer(SLOW, 2, VALUE_BYTES_MAX);
  let passed = 0;
  for (let id = 100; !links.take(SLOW).includes(2); id += 1) {
    // There is never room for a large one behind them.
    for (let n = 0; n < 4; n += 1) answer(SLOW, id, small);
    answers.pump();
    passed += 4 * small;
    expect(passed).toBeLessThan(2 * ANSWERS_PASSED_BYTES_MAX);
  }
  expect(passed).toBeGreaterThan(ANSWERS_PASSED_BYTES_MAX / 2);
});

/** Lets the slow link take what it has, and pumps, until nothing is held: the ids in the order in which they left. */
function drain(): number[] {
  const arrived: number[] = [];
  for (let pass = 0; answers.heldBytes > 0; pass += 1) {
    expect(pass).toBeLessThan(100);
    arrived.push(...links.take(SLOW));
    answers.pump();
    expect(links.queuedBytes(SLOW)).toBeLessThanOrEqual(ANSWERS_SMALL_QUEUE_BYTES_MAX);
  }
  return arrived.concat(links.take(SLOW));
}

test("the largest value leaves when nothing is before it", () => {
  answer(SLOW, 1, VALUE_BYTES_MAX);
  expect(answers.heldBytes).toBe(0);
  answer(SLOW, 2, VALUE_BYTES_MAX);
  answers.pump();
  expect(links.take(SLOW)).toEqual([1]);
  answers.pump();
  expect(links.take(SLOW)).toEqual([2]);
});

test("a read whose reply would be too much to hold is told so in its turn; other answers are lost and counted", () => {
  const held = Math.floor(ANSWERS_HELD_BYTES_MAX / VALUE_BYTES_MAX) - 1;
  // The first one leaves at once.
  for (let id = 1; id <= 1 + held; id += 1) answer(SLOW, id, VALUE_BYTES_MAX);
  answer(SLOW, 50, VALUE_BYTES_MAX);
  answer(SLOW, 51, VALUE_BYTES_MAX, false);
  expect([answers.postponed, answers.dropped]).toEqual([1, 1]);
  expect(answers.heldBytes).toBeLessThanOrEqual(ANSWERS_HELD_BYTES_MAX);
  expect(drain()).toEqual([...Array.from({ length: 1 + held }, (_, n) => n + 1), -50]);
});

test("a link that ends takes what waits for it along", () => {
  for (let id = 1; id <= 5; id += 1) answer(SLOW, id, VALUE_BYTES_MAX);
  answers.onLinkDown(SLOW);
  expect(answers.heldBytes).toBe(0);
  links.take(SLOW);
  answer(SLOW, 99, MIB);
  expect(links.take(SLOW)).toEqual([99]);
});
