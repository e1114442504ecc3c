import { isUtf8 } from "node:buffer";
import { type handleUnaryCall, type Server, type ServerUnaryCall, status } from "@grpc/grpc-js";
import type { Access } from "../../core/access/index.ts";
import { EMPTY_BYTES, utf8Bytes } from "../../core/base/index.ts";
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
import { refusalOf } from "../credentials.ts";
import { DeadlineCall } from "./call.ts";
import { Inflight } from "./inflight.ts";
import { DEADLINE_MS_DEFAULT, DEADLINE_MS_MAX, INFLIGHT_DEFAULT } from "./limits.ts";
import {
  type KeyMessage,
  type KeyValueMessage,
  kvStoreService,
  type StatusMessage,
  type ValueMessage,
} from "./service.ts";
import { strangerStatus } from "./strangers.ts";

export interface KvStoreOptions {
  /** For calls that bring no deadline of their own. Leader changes and unreachable nodes are waited out within it. */
  readonly defaultDeadlineMs?: number | undefined;
  /** Calls given to the node at once; others wait, and beyond a bound get RESOURCE_EXHAUSTED. */
  readonly inflightMax?: number | undefined;
  /** Who may do what; undefined: everybody everything. */
  readonly access?: Access | undefined;
  /** Told of every call when it is over. */
  readonly onCall?: ((call: FinishedCall) => void) | undefined;
}

/** What may be logged of a call: nothing of what it carried. */
export interface FinishedCall {
  readonly method: "Get" | "Put" | "Delete";
  readonly keyBytes: number;
  /** `ok`, `missing`, the first word of the error, or a status of gRPC (`CANCELLED`, `RESOURCE_EXHAUSTED`). */
  readonly result: string;
  readonly ms: number;
}

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

function resultOf(reply: Reply): string {
  if (reply.type === "error") return reply.kind;
  return reply.type === "nil" ? "missing" : "ok";
}

export function addKvStore(server: Server, node: NodeApi, options: KvStoreOptions): void {
  const defaultMs = options.defaultDeadlineMs ?? DEADLINE_MS_DEFAULT;
  const inflight = new Inflight(options.inflightMax ?? INFLIGHT_DEFAULT);
  const { onCall } = options;

  function run<In, Out>(
    method: FinishedCall["method"],
    spec: CommandSpec,
    argsOf: (message: In) => [key: Uint8Array, ...Uint8Array[]],
    messageOf: (reply: Reply) => Out,
  ): handleUnaryCall<In, Out> {
    return (call, callback) => {
      const args = argsOf(call.request);
      const fromMs = performance.now();
      const finished = (result: string): void =>
        onCall?.({ method, keyBytes: args[0].length, result, ms: performance.now() - fromMs });
      const answer = (reply: Reply): void => {
        callback(null, messageOf(reply));
        finished(resultOf(reply));
      };
      const mayStill = (): boolean => {
        const forbidden = forbiddenBy(node, options.access, call, spec, args);
        if (forbidden === undefined) return true;
        callback(forbidden);
        finished(status[forbidden.code]);
        return false;
      };
      if (!mayStill()) return;
      const exhausted = (details: string): void => {
        callback({ code: status.RESOURCE_EXHAUSTED, details });
        finished("RESOURCE_EXHAUSTED");
      };
      const slot = args.every((arg) => isUtf8(arg)) ? admit(spec, args) : NOT_UTF8;
      if (typeof slot !== "number") {
        answer(slot);
        return;
      }
      const timeoutMs = timeoutOf(call, defaultMs);
      const running = new DeadlineCall(node, inflight, { spec, args, slot }, timeoutMs, {
        answer,
        exhausted,
        mayStill,
      });
      call.on("cancelled", () => {
        if (running.abandon()) finished("CANCELLED");
      });
    };
  }

  server.addService(kvStoreService, {
    Get: run<KeyMessage, ValueMessage>("Get", GET, ({ Data }) => [Data], valueMessage),
    Put: run<KeyValueMessage, StatusMessage>("Put", SET, ({ Key, Value }) => [Key, Value], statusMessage),
    Delete: run<KeyMessage, StatusMessage>("Delete", DEL, ({ Data }) => [Data], statusMessage),
  });
}

interface Forbidden {
  readonly code: status.UNAUTHENTICATED | status.UNAVAILABLE | status.PERMISSION_DENIED;
  readonly details: string;
}

/** As a connection's commands are checked: by `authorization: Basic` in the metadata, or as the default user's. */
function forbiddenBy(
  node: NodeApi,
  access: Access | undefined,
  call: ServerUnaryCall<unknown, unknown>,
  spec: CommandSpec,
  args: readonly Uint8Array[],
): Forbidden | undefined {
  if (access === undefined) return undefined;
  const authorization = call.metadata.get("authorization")[0]?.toString();
  const refusal = refusalOf(node, access, { authorization, address: call.getPeer(), protocol: "gRPC" }, spec, args);
  if (refusal === undefined) return undefined;
  if (refusal === "unauthenticated" || refusal === "loading") return strangerStatus(refusal, authorization);
  const what = refusal === "command" ? `run the '${spec.name}' command, which this call is` : `access the ${refusal}`;
  return { code: status.PERMISSION_DENIED, details: `the user has no permissions to ${what}` };
}

function timeoutOf(call: ServerUnaryCall<unknown, unknown>, defaultMs: number): number {
  const deadline = call.getDeadline();
  const atMs = deadline instanceof Date ? deadline.getTime() : deadline;
  return Number.isFinite(atMs) ? Math.min(Math.max(0, atMs - Date.now()), DEADLINE_MS_MAX) : defaultMs;
}
