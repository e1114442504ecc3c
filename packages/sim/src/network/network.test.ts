import { concatBytes, type NodeId, nodeId } from "sherd/core/base";
import type { Connection, ConnectionHandler, Network } from "sherd/core/env";
import { expect, test } from "vitest";
import { World } from "../world/index.ts";
import { SimNetwork } from "./index.ts";

const [A, B] = [nodeId("a".repeat(40)), nodeId("b".repeat(40))];
const QUIET = { lossProbability: 0, reorderProbability: 0, duplicateProbability: 0, lateProbability: 0 };

/** A process that writes down what it hears. */
class Ears implements ConnectionHandler {
  readonly events: string[] = [];
  readonly pieces: Uint8Array[] = [];

  onOpen(): void {
    this.events.push("open");
  }

  onData(bytes: Uint8Array): void {
    this.pieces.push(bytes.slice());
  }

  onDrain(): void {
    this.events.push("drain");
  }

  onClose(reason: string): void {
    this.events.push(reason);
  }

  get bytes(): Uint8Array {
    return concatBytes(this.pieces);
  }
}

class Scene {
  readonly world: World;
  readonly network: SimNetwork;
  readonly here: Network;
  readonly heard: Ears = new Ears();
  readonly answers: Ears = new Ears();
  accepted: Connection | undefined;

  constructor(seed = 1n) {
    this.world = new World(seed);
    this.network = new SimNetwork(this.world, [A, B], { latencyMs: [1, 5], ...QUIET });
    this.here = this.bind(A, "a:1");
    this.listen("b:1");
  }

  bind(node: NodeId, address: string): Network {
    return this.network.bind(node, address, (body) => body());
  }

  listen(address: string): void {
    this.bind(B, address).listen((connection) => {
      this.accepted = connection;
      return this.heard;
    });
  }

  dial(host = "b"): Connection {
    const connection = this.here.dial(host, 1, this.answers);
    this.pass(100);
    return connection;
  }

  pass(ms: number): void {
    this.world.run(this.world.nowMs + ms);
  }
}

const numbers = (count: number): Uint8Array => Uint8Array.from({ length: count }, (_, at) => at % 251);

test("bytes arrive whole, in order, in pieces, each way", () => {
  const scene = new Scene();
  const connection = scene.dial();
  for (let at = 0; at < 50; at += 1) connection.write(numbers(1_000).subarray(at * 20, at * 20 + 20));
  scene.accepted?.write(numbers(10));
  scene.pass(100);
  expect(scene.heard.bytes).toEqual(numbers(1_000));
  expect(scene.heard.pieces.length).toBeGreaterThan(50);
  expect(scene.answers.bytes).toEqual(numbers(10));
  connection.close();
  scene.pass(100);
  expect(scene.heard.events).toEqual(["ended"]);
  expect(scene.answers.events).toEqual(["open"]);
});

test("who writes more than the other end reads waits for the drain", () => {
  const scene = new Scene();
  const connection = scene.dial();
  expect(connection.write(numbers(1_000))).toBe(true);
  expect(connection.write(numbers(300_000))).toBe(false);
  scene.pass(100);
  expect(scene.answers.events).toEqual(["open", "drain"]);
  expect(scene.heard.bytes.length).toBe(301_000);
});

test("a blocked way holds what is sent, and lets nobody connect", () => {
  const scene = new Scene();
  const connection = scene.dial();
  scene.network.block(A, B);
  connection.write(numbers(100));
  scene.pass(10_000);
  expect(scene.heard.bytes.length).toBe(0);
  scene.accepted?.write(numbers(7));
  scene.dial();
  expect(scene.answers.events).toEqual(["open"]);
  expect(scene.answers.bytes.length).toBe(7);
  scene.network.unblock(A, B);
  scene.pass(100);
  expect(scene.heard.bytes).toEqual(numbers(100));
});

test("a connection that breaks loses everything behind some byte, also in the middle of a write", () => {
  const lengths = new Set<number>();
  for (let seed = 1n; seed <= 60n; seed += 1n) {
    const scene = new Scene(seed);
    const connection = scene.dial();
    connection.write(numbers(50));
    connection.write(numbers(100).subarray(50));
    expect(scene.network.cut(A, B)).toBe(true);
    scene.pass(100);
    const { bytes, events } = scene.heard;
    expect(bytes).toEqual(numbers(100).subarray(0, bytes.length));
    expect(events).toEqual(["ended"]);
    expect(scene.answers.events).toEqual(["open", "ended"]);
    lengths.add(bytes.length);
  }
  expect([...lengths].filter((length) => length % 50 !== 0).length).toBeGreaterThan(20);
});

test("a killed process refuses; one without power is silent, and when it is back knows nothing of its connections", () => {
  const killed = new Scene();
  killed.dial();
  killed.network.unbind(B, true);
  killed.pass(100);
  expect(killed.answers.events).toEqual(["open", "ended"]);
  killed.dial();
  expect(killed.answers.events.at(-1)).toBe("refused");

  const dark = new Scene();
  dark.dial();
  dark.network.unbind(B, false);
  dark.pass(60_000);
  dark.dial();
  expect(dark.answers.events).toEqual(["open"]);
  dark.listen("b:1");
  dark.pass(100);
  expect(dark.answers.events).toEqual(["open", "ended"]);
});

test("nobody is at an address that was left, and somebody else at one that was taken", () => {
  const scene = new Scene();
  scene.network.unbind(B, true);
  scene.network.vacate("b:1");
  scene.listen("c:1");
  scene.dial();
  expect(scene.answers.events.filter((event) => event !== "failed")).toEqual([]);
  scene.dial("c");
  expect(scene.answers.events.at(-1)).toBe("open");
});

test("a slow way is late and narrow", () => {
  const scene = new Scene();
  const connection = scene.dial();
  scene.network.slow(A, B, 500, 1);
  connection.write(numbers(1_000));
  scene.pass(1_490);
  expect(scene.heard.bytes.length).toBe(0);
  scene.pass(20);
  expect(scene.heard.bytes.length).toBe(1_000);
});
