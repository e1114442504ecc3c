import { assert, CONNECTION_OUTPUT_BYTES_MAX, CONNECTION_OUTPUT_BYTES_PAUSE } from "../base/index.ts";
import { type Reply, replyBytes } from "../command/index.ts";
import { OpenRequest, ReplyPlace } from "./open-request.ts";
import type { PushedMessage } from "./pubsub/index.ts";
import { ReplyWriter } from "./reply-writer.ts";
import type { ClientSocket } from "./types.ts";

/**
 * What one connection is answered with, in the order of its commands: a place for each command that has no answer yet or
 * waits for older ones, and behind it the writer, from which the socket takes.
 *
 * Reads of a shard run together. If the node has to try one again, those behind it are read again after it; and what
 * would be too much to hold for a client that does not take its replies is thrown away, and read again when there is room.
 */
export class ReplyQueue {
  readonly out: ReplyWriter = new ReplyWriter();
  /** Commands that have no answer yet, or wait for older ones. */
  length = 0;
  /** Bytes of replies that wait for older ones, ... */
  waitingBytes = 0;
  /** Reads to be executed again, because they were overtaken or their replies were too much to hold. */
  repeats = 0;
  /** The client has not read what it was sent: nothing is taken from it until it has. */
  unread = false;
  /** Places whose replies have not been written, oldest first. */
  #first: ReplyPlace | undefined;
  #last: ReplyPlace | undefined;
  /** ... and of those that the system has not taken, as of the last flush. */
  #pendingBytes = 0;
  /** CLIENT REPLY: so many of the next replies are not sent. */
  #silent = 0;
  readonly #socket: ClientSocket;
  readonly #send: (bytes: Uint8Array) => boolean;
  /** Open reads by group: the connection's own. */
  readonly #reads: number[];

  constructor(socket: ClientSocket, reads: number[]) {
    this.#socket = socket;
    this.#send = (bytes) => socket.write(bytes);
    this.#reads = reads;
  }

  get empty(): boolean {
    return this.#first === undefined;
  }

  /** CLIENT REPLY OFF. */
  get isSilent(): boolean {
    return this.#silent === Number.POSITIVE_INFINITY;
  }

  silence(replies: number): void {
    this.#silent = replies;
  }

  place(place: ReplyPlace): void {
    if (this.#last === undefined) this.#first = place;
    else this.#last.next = place;
    this.#last = place;
    this.length += 1;
  }

  /** A reply that is known, behind those that are not. */
  add(reply: Reply): void {
    if (this.#first === undefined) this.#write(reply);
    else this.#wait(reply);
  }

  /** A channel's message: beside the replies in RESP3, in their order in RESP2. False: it waits. */
  push(message: PushedMessage): boolean {
    if (this.#first !== undefined && this.out.resp === 2) {
      // EXEC with SUBSCRIBE in it is not answered yet: the client would take the message for what it waits for.
      this.#wait(message.reply);
      return false;
    }
    for (const bytes of message.bytes(this.out.resp)) this.out.encoded(bytes);
    return true;
  }

  /** A request has its reply, which is not good or too much to hold: true when it is thrown away and asked for again. */
  dropped(request: OpenRequest): boolean {
    if (request.overtaken) {
      if (request.reply?.type !== "error") {
        request.drop();
        return true;
      }
      // It saw no state at all.
      request.overtaken = false;
      this.repeats -= 1;
    } else if (this.#isTooMuch(request)) {
      this.#repeat(request);
      request.drop();
      return true;
    }
    return false;
  }

  /** Whoever has the reply of a read, of so many bytes, has no room for it: it is asked for again in its turn. */
  postponed(request: OpenRequest, bytes: number): void {
    if (!request.overtaken) this.#repeat(request);
    request.putOff(bytes);
  }

  /** Writes a request's reply, and those that waited for it. False: it waits itself. */
  settled(request: OpenRequest): boolean {
    if (request !== this.#first) {
      this.waitingBytes += replyBytes(request.reply as Reply);
      return false;
    }
    let place: ReplyPlace | undefined = request;
    while (place?.reply !== undefined) {
      if (place !== request) this.waitingBytes -= replyBytes(place.reply);
      this.#write(place.reply);
      this.length -= 1;
      place = place.next;
    }
    this.#first = place;
    if (place === undefined) this.#last = undefined;
    return true;
  }

  /** The reads of the shard behind this one are read again after it, also those that have their replies. */
  overtake(request: OpenRequest): void {
    for (let place = request.next; place !== undefined; place = place.next) {
      if (!(place instanceof OpenRequest) || place.group !== request.group || place.overtaken) continue;
      if (place.reply?.type === "error") continue;
      assert(!place.write, "a write waits for the reads before it");
      place.overtaken = true;
      // One that was dropped for its size is counted.
      if (place.droppedBytes === undefined) this.repeats += 1;
      if (place.reply === undefined) continue;
      this.waitingBytes -= replyBytes(place.reply);
      this.#reads[place.group] = (this.#reads[place.group] as number) + 1;
      place.drop();
    }
  }

  /** Executes dropped reads again, from the oldest on: all before them are answered. As much as may be held. */
  readAgain(execute: (request: OpenRequest) => void): void {
    let bytes = 0;
    let place = this.#first;
    while (place instanceof OpenRequest && place.droppedBytes !== undefined) {
      bytes += place.droppedBytes;
      if (bytes > CONNECTION_OUTPUT_BYTES_MAX && place !== this.#first) return;
      const { next } = place;
      this.repeats -= 1;
      place.resume();
      execute(place);
      place = next;
    }
  }

  /** The only place has its answer, which is given by `add`. */
  removeOnly(place: ReplyPlace): void {
    assert(place === this.#first && place === this.#last, "nothing was taken behind it");
    this.clear();
  }

  clear(): void {
    this.#first = undefined;
    this.#last = undefined;
    this.length = 0;
  }

  /** Gives the socket all that was written. How many bytes that was. */
  flush(): number {
    const bytes = this.out.length;
    if (bytes > 0) this.out.drain(this.#send);
    this.#pendingBytes = this.#socket.pendingBytes;
    this.unread = this.#pendingBytes > CONNECTION_OUTPUT_BYTES_PAUSE;
    return bytes;
  }

  /** The client has read everything. */
  drained(): void {
    this.#pendingBytes = 0;
    this.unread = false;
  }

  #wait(reply: Reply): void {
    this.waitingBytes += replyBytes(reply);
    this.place(new ReplyPlace(reply));
  }

  #repeat(request: OpenRequest): void {
    this.repeats += 1;
    this.overtake(request);
  }

  #isTooMuch(request: OpenRequest): boolean {
    if (request.write) return false;
    // What waits for the oldest reply cannot speak against it: it leaves together with it. And a client that may send
    // more is given it, however large: thrown away it would be asked for again at once.
    const oldest = request === this.#first;
    const held = this.out.length + this.#pendingBytes + (oldest ? 0 : this.waitingBytes);
    if (held <= (oldest ? CONNECTION_OUTPUT_BYTES_PAUSE : 0)) return false;
    return held + replyBytes(request.reply as Reply) > CONNECTION_OUTPUT_BYTES_MAX;
  }

  #write(reply: Reply): void {
    // Messages, and what SUBSCRIBE answers, are no replies: as in Redis, CLIENT REPLY does not concern them.
    if (this.#silent === 0 || reply.type === "push" || reply.type === "several") this.out.reply(reply);
    else this.#silent -= 1;
  }
}
