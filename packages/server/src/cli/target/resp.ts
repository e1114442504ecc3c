import { type Answer as ClientAnswer, ClientError, ClusterConnections, RespConnection, RespError } from "@sherd/client";
import { SherdError, utf8Bytes } from "../../core/base/index.ts";
import type { TargetAddress } from "../options.ts";
import { tellingTlsMismatch } from "../tls-mismatch.ts";
import {
  type Answer,
  type AnswerHandler,
  DELETED,
  DELETED_NOTHING,
  type KeyValueTarget,
  MISSING,
  STORED,
  sentence,
} from "./types.ts";

const SET = utf8Bytes("SET");
const GET = utf8Bytes("GET");
const DEL = utf8Bytes("DEL");

export async function openRespTarget(address: TargetAddress): Promise<KeyValueTarget> {
  // The routing client would go on trying; a person who mistyped the port wants to know at once.
  const probe = await openConnection(address);
  probe.destroy();
  return new RespTarget(address);
}

/** Rejects as `openTarget` does. */
export function openConnection(address: Omit<TargetAddress, "protocol">): Promise<RespConnection> {
  return tellingTlsMismatch(address, () => openAnswered(address));
}

async function openAnswered({
  host,
  port,
  tls,
  credentials,
}: Omit<TargetAddress, "protocol">): Promise<RespConnection> {
  try {
    const connection = await RespConnection.open({ host, port, tls, ...credentials });
    // Any reply will do (AUTH had one): without one, whoever listens there may speak something else.
    if (credentials === undefined) await connection.call(["PING"]);
    return connection;
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    const { cause } = error;
    const reason = cause instanceof Error || cause instanceof RespError ? cause.message : error.code;
    const code = error.code === "SHERD_CLIENT_HANDSHAKE" ? "SHERD_NOT_ADMITTED" : "SHERD_UNREACHABLE";
    throw new SherdError(code, `RESP at ${host}:${port}: ${sentence(reason)}`, { cause: error });
  }
}

/** Works on both kinds of port: where the node forwards it stays with this node; the first MOVED makes it route by slots. */
class RespTarget implements KeyValueTarget {
  readonly #connections: ClusterConnections;

  constructor(address: TargetAddress) {
    this.#connections = new ClusterConnections({
      seeds: [address],
      connection: { tls: address.tls, ...address.credentials },
    });
  }

  get route(): string {
    return this.#connections.routing
      ? `by slots, since the port redirects (${this.#connections.redirected} redirections followed)`
      : "through this one node";
  }

  put(key: Uint8Array, value: Uint8Array, done: AnswerHandler): void {
    this.#connections.send(key, [SET, key, value], (answer) => {
      done(answer === "OK" ? STORED : failure(answer));
    });
  }

  get(key: Uint8Array, done: AnswerHandler): void {
    this.#connections.send(key, [GET, key], (answer) => {
      if (answer instanceof Uint8Array) done({ type: "value", bytes: answer });
      else done(answer === null ? MISSING : failure(answer));
    });
  }

  delete(key: Uint8Array, done: AnswerHandler): void {
    this.#connections.send(key, [DEL, key], (answer) => {
      if (answer === 1) done(DELETED);
      else done(answer === 0 ? DELETED_NOTHING : failure(answer));
    });
  }

  close(): void {
    this.#connections.destroy();
  }
}

function failure(answer: ClientAnswer): Answer {
  if (answer instanceof RespError) return { type: "failed", kind: answer.kind, text: answer.message };
  if (answer instanceof ClientError) return { type: "failed", kind: answer.code, text: answer.message };
  return { type: "failed", kind: "UNEXPECTED", text: `the reply is of an unexpected kind: ${typeof answer}` };
}
