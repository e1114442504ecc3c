import fc from "fast-check";
import { expect, test } from "vitest";
import { crc32, PEER_FRAME_BYTES_MAX, PEER_FRAME_BYTES_TARGET, PEER_QUEUE_BYTES_MAX } from "../base/index.ts";
import { MalformedPeerBytes } from "./codec.ts";
import { eachMessage, FrameQueue, FrameReader } from "./frames.ts";

const env = { checksum: crc32 };

/** What a queue writes, into one stream. `taken` says for each write whether the system took all of it at once. */
function drainInto(queue: FrameQueue, out: Uint8Array[], taken: () => boolean): void {
  let blocked = true;
  while (blocked) {
    blocked = false;
    let lent: Uint8Array | undefined;
    queue.pump({
      writeFrame: (frame) => {
        blocked = !taken();
        if (blocked) lent = frame;
        else out.push(frame.slice());
        return !blocked;
      },
    });
    if (lent === undefined) continue;
    // Lent bytes may not change until the connection has drained.
    queue.push(new Uint8Array([0xab]));
    out.push(lent.slice());
    queue.drained();
  }
}

function readAll(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const reader = new FrameReader(env, PEER_FRAME_BYTES_MAX);
  const messages: Uint8Array[] = [];
  const bounds = [0, ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((l, r) => l - r), stream.length];
  for (let i = 1; i < bounds.length; i += 1) {
    const piece = stream.slice(bounds[i - 1], bounds[i]);
    reader.push(piece, (body) => {
      eachMessage(body, (message) => messages.push(message.slice()) > 0);
      return true;
    });
    piece.fill(0xee);
  }
  return messages;
}

const join = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

test("whatever is queued arrives, however the stream is cut and whenever it blocks", () => {
  const passes = fc.array(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), { maxLength: 8 });
  fc.assert(
    fc.property(passes, fc.array(fc.nat(), { maxLength: 20 }), fc.infiniteStream(fc.boolean()), (sent, cuts, takes) => {
      const queue = new FrameQueue(env);
      const out: Uint8Array[] = [];
      for (const pass of sent) {
        for (const message of pass) expect(queue.push(message)).toBe(true);
        drainInto(queue, out, () => takes.next().value as boolean);
      }
      const isMarker = (message: Uint8Array): boolean => message.length === 1 && message[0] === 0xab;
      const got = readAll(join(out), cuts).filter((message) => !isMarker(message));
      expect(got).toEqual(sent.flat().filter((message) => !isMarker(message)));
      expect(queue.bytes).toBe(0);
    }),
  );
});

test("a pass is one frame; beyond the target size it is split; a huge message has a frame of its own", () => {
  const queue = new FrameQueue(env);
  const frames: number[] = [];
  const sink = { writeFrame: (frame: Uint8Array): boolean => frames.push(frame.length) > 0 };
  for (let i = 0; i < 100; i += 1) queue.push(new Uint8Array(1_000));
  queue.pump(sink);
  expect(frames).toEqual([9 + 100 * 1_004]);
  frames.length = 0;
  queue.push(new Uint8Array(600_000));
  queue.push(new Uint8Array(600_000));
  queue.push(new Uint8Array(9_000_000));
  queue.push(new Uint8Array(10));
  queue.pump(sink);
  expect(frames).toEqual([9 + 600_004, 9 + 600_004, 9 + 9_000_004, 9 + 14]);
  expect(600_013).toBeLessThan(PEER_FRAME_BYTES_TARGET);
});

test("a full queue refuses, and takes again when something has left", () => {
  const queue = new FrameQueue(env);
  const message = new Uint8Array(1_000_000);
  let taken = 0;
  while (queue.push(message)) taken += 1;
  expect(taken).toBe(Math.floor(PEER_QUEUE_BYTES_MAX / (message.length + 13)));
  expect(queue.push(new Uint8Array(1))).toBe(true);
  queue.pump({ writeFrame: () => false });
  queue.drained();
  expect(queue.push(message)).toBe(true);
  expect(queue.push(message)).toBe(false);
  queue.clear();
  expect(queue.bytes).toBe(0);
});

test("a flipped bit anywhere in a frame is found", () => {
  const queue = new FrameQueue(env);
  queue.push(new Uint8Array([1, 2, 3]));
  queue.push(new Uint8Array([]));
  const out: Uint8Array[] = [];
  drainInto(queue, out, () => true);
  const frame = join(out);
  expect(readAll(frame, [])).toHaveLength(2);
  for (let bit = 0; bit < frame.length * 8; bit += 1) {
    const damaged = frame.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    let messages: Uint8Array[] = [];
    try {
      messages = readAll(damaged, []);
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedPeerBytes);
    }
    // A longer length waits for bytes that never come: nothing is delivered either way.
    expect(messages).toEqual([]);
  }
});

test("a length beyond the limit is refused before anything is stored", () => {
  const reader = new FrameReader(env, 1_000);
  const header = new Uint8Array([0xe9, 3, 0, 0, 0, 0, 0, 0]);
  expect(() => reader.push(header, () => true)).toThrow(/1001 bytes, allowed are 1 to 1000/);
  const empty = new Uint8Array(8);
  expect(() => new FrameReader(env, 1_000).push(empty, () => true)).toThrow(/0 bytes/);
});

test("of a frame whose message lengths do not add up, nothing is delivered", () => {
  const bodies = [
    [3, 1, 0, 0],
    [3, 2, 0, 0, 0, 9],
    [3, 1, 0, 0, 0, 7, 0xff, 0xff, 0xff, 0xff],
    [3, 1, 0, 0, 0, 7, 1],
  ];
  for (const body of bodies) {
    let delivered = 0;
    const count = (): boolean => {
      delivered += 1;
      return true;
    };
    expect(() => eachMessage(new Uint8Array(body), count)).toThrow(MalformedPeerBytes);
    expect(delivered).toBe(0);
  }
});

test("a message that may wait behind little is refused where others are taken, but never by a queue at rest", () => {
  const queue = new FrameQueue(env);
  const sink = { writeFrame: (): boolean => true };
  expect(queue.push(new Uint8Array(2_000), 1_000)).toBe(true);
  expect(queue.push(new Uint8Array(10), 1_000)).toBe(false);
  expect(queue.push(new Uint8Array(10))).toBe(true);
  queue.pump(sink);
  expect(queue.push(new Uint8Array(500), 1_000)).toBe(true);
  expect(queue.push(new Uint8Array(400), 1_000)).toBe(true);
  expect(queue.push(new Uint8Array(400), 1_000)).toBe(false);
});
