// node packages/bench/dist/session.js [--seconds N]: what a command costs between a client's bytes and the node, and
// back. "constant" answers every command with the same reply, so what is measured is the session alone; "map" runs the
// commands on a Map, which adds what they and their rows cost.
import { encodeCommand } from "@sherd/client/protocol";
import { groupId, nodeId } from "sherd/core/base";
import { type CommandContext, OK, type Reply } from "sherd/core/command";
import type { NodeApi, Request } from "sherd/core/node";
import { type ClientSocket, Connections, type ServerFacts } from "sherd/core/session";
import type { Row } from "sherd/core/store";

const KEYS = 10_000;
const VALUE_BYTES = 80;
const id = nodeId("a".repeat(40));

/** What a real node uses for `Env.latin1`. */
const toLatin1 = (bytes: Uint8Array): string => Buffer.prototype.latin1Slice.call(bytes, 0, bytes.length);

interface NodeKind {
  readonly constant: boolean;
  readonly deferred: boolean;
}

class FakeNode {
  readonly rows: Map<string, Row> = new Map();
  readonly #waiting: Request[] = [];
  readonly #listeners: (() => void)[] = [];
  readonly #kind: NodeKind;
  readonly #context: CommandContext;
  readonly #value: Reply = { type: "bulk", bytes: new Uint8Array(VALUE_BYTES) };

  constructor(kind: NodeKind) {
    this.#kind = kind;
    const rows = this.rows;
    this.#context = {
      nowMs: 0,
      version: 1,
      get: (_slot, key) => rows.get(key) ?? null,
      head: (_slot, key) => rows.get(key) ?? null,
      put: (_slot, key, row) => void rows.set(key, row),
      delete: (_slot, key) => rows.delete(key),
      latin1: toLatin1,
      lengthOf: (_slot, key) => rows.get(key)?.payload.length ?? 0,
      worked: () => undefined,
    };
  }

  get api(): NodeApi {
    return {
      id,
      mapIsCurrent: true,
      map: undefined as never,
      shardOf: () => groupId(1),
      leaderOf: () => undefined,
      isUp: () => true,
      execute: (request) => {
        if (this.#kind.deferred) this.#waiting.push(request);
        else this.#run(request);
      },
      status: () => undefined as never,
      onTick: () => {},
      figures: undefined as never,
      activeExpiry: true,
      onMap: () => {},
      changeUsers: () => {},
      publish: () => {},
      onPublished: () => {},
      complain: () => {},
      requestPass: () => {},
      onPassEnd: (listener) => void this.#listeners.push(listener),
    };
  }

  pass(): void {
    for (const request of this.#waiting) this.#run(request);
    this.#waiting.length = 0;
    for (const listener of this.#listeners) listener();
  }

  #run(request: Request): void {
    if (this.#kind.constant) request.complete(request.args.length === 1 ? this.#value : OK);
    else request.complete(request.spec.run?.(this.#context, request.slot, request.args) as Reply);
  }
}

class Sink implements ClientSocket {
  readonly remoteAddress = "";
  readonly localAddress = "";
  readonly pendingBytes = 0;
  bytes = 0;
  write(bytes: Uint8Array): boolean {
    this.bytes += bytes.length;
    return true;
  }
  pause(): void {}
  resume(): void {}
  close(): void {}
  destroy(): void {}
}

const facts: ServerFacts = {
  version: "0",
  processId: 0,
  system: "",
  nodeVersion: "",
  wallMs: () => 0,
  uptimeMs: () => 0,
  memory: () => ({ residentBytes: 0, heapBytes: 0 }),
  memoryBytes: 0,
  cpu: () => ({ userSeconds: 0, systemSeconds: 0 }),
  directory: "",
  debugCommand: "no",
  stall: () => {},
  secrets: { sha256Hex: () => "", randomBytes: (count) => new Uint8Array(count) },
};

function chunksOf(command: "GET" | "SET", pipeline: number): Uint8Array[] {
  const value = "v".repeat(VALUE_BYTES);
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < KEYS; at += pipeline) {
    const commands: Uint8Array[] = [];
    for (let i = 0; i < pipeline; i += 1) {
      const key = `key:{${at}}:${String(i).padStart(12, "0")}`;
      commands.push(encodeCommand(command === "GET" ? ["GET", key] : ["SET", key, value]));
    }
    chunks.push(Buffer.concat(commands));
  }
  return chunks;
}

/** CPU time, garbage collection included, because the machine's other work does not count into it. */
function measure(command: "GET" | "SET", pipeline: number, kind: NodeKind, seconds: number): number {
  const node = new FakeNode(kind);
  const connections = new Connections(node.api, facts);
  const sink = new Sink();
  const connection = connections.open(sink, true);
  if (connection === undefined) throw new Error("the connection was refused");
  for (const chunk of chunksOf("SET", pipeline)) {
    connection.onData(new Uint8Array(chunk));
    node.pass();
  }
  const chunks = chunksOf(command, pipeline);
  const round = (): void => {
    for (const chunk of chunks) {
      connection.onData(chunk);
      node.pass();
    }
  };
  const commandsARound = chunks.length * pipeline;
  for (let warm = 0; warm < 200_000; warm += commandsARound) round();
  const before = sink.bytes;
  const from = process.cpuUsage();
  let commands = 0;
  let usedMicros = 0;
  while (usedMicros < seconds * 1e6) {
    round();
    commands += commandsARound;
    const { user, system } = process.cpuUsage(from);
    usedMicros = user + system;
  }
  if (sink.bytes === before) throw new Error("nothing was answered");
  return usedMicros / commands;
}

const at = process.argv.indexOf("--seconds");
const seconds = at < 0 ? 1 : Number(process.argv[at + 1]);
console.log(`µs of CPU per command, ${VALUE_BYTES}-byte values, one connection`);
for (const constant of [true, false]) {
  for (const deferred of [false, true]) {
    for (const command of ["GET", "SET"] as const) {
      for (const pipeline of [1, 16]) {
        const cost = measure(command, pipeline, { constant, deferred }, seconds).toFixed(3);
        const when = deferred ? "at the pass's end" : "at once";
        console.log(
          `${command} pipeline ${pipeline}, ${constant ? "constant" : "map"} node, answered ${when}: ${cost}`,
        );
      }
    }
  }
}
