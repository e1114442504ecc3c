import { isUtf8 } from "node:buffer";
import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { fileURLToPath } from "node:url";
import {
  type ChannelCredentials,
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { SherdError, utf8Bytes, VALUE_BYTES_MAX } from "../../core/base/index.ts";
import { basicAuthorization, type Credentials } from "../credentials.ts";
import type { TargetAddress } from "../options.ts";
import {
  type Answer,
  type AnswerHandler,
  DELETED_UNTOLD,
  type KeyValueTarget,
  MISSING,
  STORED,
  sentence,
} from "./types.ts";

/** Beyond a node's own hold for a leader (3 s) and two elections. */
const CALL_TIMEOUT_MS = 15_000;
const CONNECT_TIMEOUT_MS = 3_000;
/** gRPC's own limit is 4 MiB; a value may have 8. */
const MESSAGE_BYTES_MAX: number = VALUE_BYTES_MAX + 64 * 1024;

interface StringMessage {
  readonly Data: string;
}
interface KeyValuePair {
  readonly Key: string;
  readonly Value: string;
}
interface ValueReturn {
  readonly Success: boolean;
  readonly Exists: boolean;
  readonly Data: string;
}
interface Status {
  readonly Success: boolean;
  readonly Error: string;
}
interface Methods {
  readonly Get: MethodDefinition<StringMessage, ValueReturn>;
  readonly Put: MethodDefinition<KeyValuePair, Status>;
  readonly Delete: MethodDefinition<StringMessage, Status>;
}

/** The same path from src/cli/target and dist/cli/target. */
const PROTO_FILE: string = fileURLToPath(new URL("../../../proto/kvstore.proto", import.meta.url));

export async function openGrpcTarget(address: TargetAddress): Promise<KeyValueTarget> {
  const definition = loadSync(PROTO_FILE, { keepCase: true, defaults: true });
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  const client = new Client(`${host}:${address.port}`, credentialsFor(address), {
    ...(isIP(address.host) !== 0 && { "grpc.ssl_target_name_override": NAMELESS }),
    // Each target has its own connection, as each client process would.
    "grpc.use_local_subchannel_pool": 1,
    "grpc.max_receive_message_length": MESSAGE_BYTES_MAX,
    "grpc.max_send_message_length": MESSAGE_BYTES_MAX,
  });
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + CONNECT_TIMEOUT_MS, (cause) => {
      if (cause === undefined) {
        resolve();
        return;
      }
      client.close();
      reject(
        new SherdError("SHERD_UNREACHABLE", `gRPC at ${host}:${address.port}: ${sentence(cause.message)}`, { cause }),
      );
    });
  });
  return new GrpcTarget(client, definition["KVStore"] as unknown as Methods, address.credentials);
}

/** What stands where gRPC would give an address as the server's name, which TLS does not allow. */
const NAMELESS = "sherd.invalid";

function credentialsFor({ host, tls }: TargetAddress): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  return credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null, {
    checkServerIdentity: (_name, cert) => checkServerIdentity(host, cert),
  });
}

class GrpcTarget implements KeyValueTarget {
  readonly route = "through this one node";
  readonly #client: Client;
  readonly #methods: Methods;
  readonly #metadata: Metadata = new Metadata();

  constructor(client: Client, methods: Methods, credentials: Credentials | undefined) {
    if (credentials !== undefined) this.#metadata.set("authorization", basicAuthorization(credentials));
    this.#client = client;
    this.#methods = methods;
  }

  put(key: Uint8Array, value: Uint8Array, done: AnswerHandler): void {
    const keyText = utf8Strict(key);
    const valueText = utf8Strict(value);
    if (keyText === undefined || valueText === undefined) {
      refuse(done);
      return;
    }
    this.#call(this.#methods.Put, { Key: keyText, Value: valueText }, done, (reply) =>
      reply.Success ? STORED : refused(reply.Error),
    );
  }

  get(key: Uint8Array, done: AnswerHandler): void {
    const keyText = utf8Strict(key);
    if (keyText === undefined) {
      refuse(done);
      return;
    }
    this.#call(this.#methods.Get, { Data: keyText }, done, (reply) => {
      if (!reply.Success) return refused(reply.Data);
      return reply.Exists ? { type: "value", bytes: utf8Bytes(reply.Data) } : MISSING;
    });
  }

  delete(key: Uint8Array, done: AnswerHandler): void {
    const keyText = utf8Strict(key);
    if (keyText === undefined) {
      refuse(done);
      return;
    }
    this.#call(this.#methods.Delete, { Data: keyText }, done, (reply) =>
      reply.Success ? DELETED_UNTOLD : refused(reply.Error),
    );
  }

  close(): void {
    this.#client.close();
  }

  #call<Request, Reply>(
    method: MethodDefinition<Request, Reply>,
    request: Request,
    done: AnswerHandler,
    read: (reply: Reply) => Answer,
  ): void {
    this.#client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      this.#metadata,
      { deadline: Date.now() + CALL_TIMEOUT_MS },
      (error: ServiceError | null, reply?: Reply) => {
        if (error !== null) done({ type: "failed", kind: status[error.code], text: error.message });
        else done(read(reply as Reply));
      },
    );
  }
}

/** Undefined where the bytes are no UTF-8: gRPC's strings could not carry them back unchanged. */
function utf8Strict(bytes: Uint8Array): string | undefined {
  return isUtf8(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8") : undefined;
}

function refuse(done: AnswerHandler): void {
  const answer: Answer = {
    type: "failed",
    kind: "NOT_UTF8",
    text: "gRPC carries text, and this key or value is not UTF-8. Use --protocol resp.",
  };
  queueMicrotask(() => done(answer));
}

/** The service marks its errors with "ERROR: "; behind it stands what RESP would have answered. */
function refused(text: string): Answer {
  const message = text.startsWith("ERROR: ") ? text.slice("ERROR: ".length) : text;
  const kind = /^[A-Z]{2,}(?= |$)/.exec(message)?.[0] ?? "ERROR";
  return { type: "failed", kind, text: message };
}
