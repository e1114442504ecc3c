import { isUtf8 } from "node:buffer";
import { type handleUnaryCall, Server, ServerCredentials, type ServerUnaryCall } from "@grpc/grpc-js";
import { EMPTY_BYTES, utf8Bytes, VALUE_BYTES_MAX } from "../../core/base/index.ts";
import {
  admit,
  type CommandSpec,
  commandByName,
  type ErrorReply,
  err,
  errorReply,
  type Reply,
} from "../../core/command/index.ts";
import type { NodeApi } from "../../core/node/index.ts";
import { CLOSE_GRACE_MS, type Front, type Listen, listenError } from "../listen.ts";
import { DeadlineCall } from "./call.ts";
import {
  type KeyMessage,
  type KeyValueMessage,
  kvStoreService,
  type StatusMessage,
  type ValueMessage,
} from "./service.ts";

export interface GrpcOptions extends Listen {
  /** For calls that bring no deadline of their own. Leader changes and unreachable nodes are waited out within it. */
  readonly defaultDeadlineMs?: number;
}

const DEFAULT_DEADLINE_MS = 5_000;
/** A value that is a little too large arrives and is refused in words; one beyond this is refused by gRPC itself. */
const RECEIVE_BYTES_MAX = VALUE_BYTES_MAX * 2;

const NOT_UTF8 = err("the key or value is not UTF-8, which the strings of this service must be");
const VALUE_NOT_UTF8 = err("the value is not UTF-8, so this service cannot carry it; read it over RESP");

function command(name: string): CommandSpec {
  const spec = commandByName(utf8Bytes(name));
  if (spec === undefined) throw new Error(`the command table has ${name}`);
  return spec;
}

const GET = command("get");
const SET = command("set");
const DEL = command("del");

/** `ERROR: ` and what a RESP client would read; ERR itself says nothing and is left out. */
function errorText(reply: Reply): Uint8Array {
  const error: ErrorReply =
    reply.type === "error" ? reply : errorReply("ERR", `unexpected answer of type ${reply.type}`);
  return utf8Bytes(error.kind === "ERR" ? `ERROR: ${error.text}` : `ERROR: ${error.kind} ${error.text}`);
}

function valueMessage(reply: Reply): ValueMessage {
  if (reply.type === "nil") return { Success: true, Exists: false, Data: EMPTY_BYTES };
  if (reply.type !== "bulk") return { Success: false, Exists: false, Data: errorText(reply) };
  if (!isUtf8(reply.bytes)) return { Success: false, Exists: false, Data: errorText(VALUE_NOT_UTF8) };
  return { Success: true, Exists: true, Data: reply.bytes };
}

const statusMessage = (reply: Reply): StatusMessage =>
  reply.type === "error" ? { Success: false, Error: errorText(reply) } : { Success: true, Error: EMPTY_BYTES };

/** Starts the `KVStore` service. */
export async function startGrpc(node: NodeApi, options: GrpcOptions): Promise<Front> {
  const defaultMs = options.defaultDeadlineMs ?? DEFAULT_DEADLINE_MS;

  function run<In, Out>(
    spec: CommandSpec,
    argsOf: (message: In) => Uint8Array[],
    messageOf: (reply: Reply) => Out,
  ): handleUnaryCall<In, Out> {
    return (call, callback) => {
      const args = argsOf(call.request);
      const slot = args.every((arg) => isUtf8(arg)) ? admit(spec, args) : NOT_UTF8;
      if (typeof slot !== "number") {
        callback(null, messageOf(slot));
        return;
      }
      const running = new DeadlineCall(node, spec, args, slot, timeoutOf(call, defaultMs), (reply) =>
        callback(null, messageOf(reply)),
      );
      call.on("cancelled", () => running.abandon());
    };
  }

  const server = new Server({
    "grpc.max_receive_message_length": RECEIVE_BYTES_MAX,
    "grpc.max_send_message_length": -1,
  });
  server.addService(kvStoreService, {
    Get: run<KeyMessage, ValueMessage>(GET, ({ Data }) => [Data], valueMessage),
    Put: run<KeyValueMessage, StatusMessage>(SET, ({ Key, Value }) => [Key, Value], statusMessage),
    Delete: run<KeyMessage, StatusMessage>(DEL, ({ Data }) => [Data], statusMessage),
  });
  const port = await bind(server, options);
  return { host: options.host, port, close: () => close(server) };
}

function timeoutOf(call: ServerUnaryCall<unknown, unknown>, defaultMs: number): number {
  const deadline = call.getDeadline();
  const atMs = deadline instanceof Date ? deadline.getTime() : deadline;
  // A timer cannot be set further ahead than this; nobody waits a day for a key.
  return Number.isFinite(atMs) ? Math.min(Math.max(0, atMs - Date.now()), 86_400_000) : defaultMs;
}

function bind(server: Server, { host, port }: Listen): Promise<number> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) {
        resolve(bound);
        return;
      }
      // grpc-js passes the system's error on as text only.
      const code = error.message.includes("EADDRINUSE") ? "EADDRINUSE" : "";
      reject(listenError(Object.assign(error, { code }), "gRPC", host, port));
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const grace = setTimeout(() => server.forceShutdown(), CLOSE_GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(grace);
      resolve();
    });
  });
}
