/** Stores for tests of the tools: a map in memory, reached directly, over RESP or over gRPC. Deliberately wrong where a test says so. */
import { fileURLToPath } from "node:url";
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { bulk, type FakeHandler, FakeServer, integer, NIL, OK } from "../../../../client/src/testing/fake-server.ts";
import {
  type Answer,
  type AnswerHandler,
  DELETED,
  DELETED_NOTHING,
  type KeyValueTarget,
  MISSING,
  STORED,
} from "../target/types.ts";

export type Operation =
  | { readonly name: "put"; readonly key: string; readonly value: string }
  | { readonly name: "get" | "delete"; readonly key: string };

/** Replaces the answer of the nth operation (from 1), or does something wrong to the map. Undefined: all is well. */
export type Fault = (operation: Operation, nth: number, map: Map<string, string>) => Answer | undefined;

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("latin1");

/** Answers in a later turn, as the contract of targets asks. */
export class MapTarget implements KeyValueTarget {
  readonly route = "in memory";
  readonly map = new Map<string, string>();
  readonly operations: Operation[] = [];
  readonly #fault: Fault;

  constructor(fault: Fault = () => undefined) {
    this.#fault = fault;
  }

  put(key: Uint8Array, value: Uint8Array, done: AnswerHandler): void {
    this.#answer({ name: "put", key: text(key), value: text(value) }, done);
  }

  get(key: Uint8Array, done: AnswerHandler): void {
    this.#answer({ name: "get", key: text(key) }, done);
  }

  delete(key: Uint8Array, done: AnswerHandler): void {
    this.#answer({ name: "delete", key: text(key) }, done);
  }

  close(): void {}

  #answer(operation: Operation, done: AnswerHandler): void {
    this.operations.push(operation);
    const answer = this.#fault(operation, this.operations.length, this.map) ?? perform(this.map, operation);
    queueMicrotask(() => done(answer));
  }
}

function perform(map: Map<string, string>, operation: Operation): Answer {
  if (operation.name === "put") {
    map.set(operation.key, operation.value);
    return STORED;
  }
  if (operation.name === "delete") return map.delete(operation.key) ? DELETED : DELETED_NOTHING;
  const value = map.get(operation.key);
  return value === undefined ? MISSING : { type: "value", bytes: Buffer.from(value, "latin1") };
}

/** SET, GET, DEL, DBSIZE and, as a server that is no cluster does, an error to all else. */
export function storeHandler(map: Map<string, string>): FakeHandler {
  return ([name = "", key = "", value = ""]) => {
    switch (name) {
      case "SET":
        map.set(key, value);
        return OK;
      case "GET": {
        const found = map.get(key);
        return found === undefined ? NIL : bulk(found);
      }
      case "DEL":
        return integer(map.delete(key) ? 1 : 0);
      case "DBSIZE":
        return integer(map.size);
      default:
        return `-ERR unknown command '${name}'\r\n`;
    }
  };
}

export const respStore = (map: Map<string, string>): Promise<FakeServer> => FakeServer.start(storeHandler(map));

const PROTO_FILE = fileURLToPath(new URL("../../../proto/kvstore.proto", import.meta.url));

interface KeyMessage {
  readonly Data: string;
}
interface PairMessage {
  readonly Key: string;
  readonly Value: string;
}

export interface GrpcStore {
  readonly port: number;
  stop(): void;
}

/** `refuse`: the store's error for a key; undefined lets it through. */
export function grpcStore(
  map: Map<string, string>,
  refuse: (key: string) => string | undefined = () => undefined,
): Promise<GrpcStore> {
  const definition = loadSync(PROTO_FILE, { keepCase: true, defaults: true });
  const server = new Server();
  const reply =
    <Request, Reply>(read: (request: Request) => Reply) =>
    (call: ServerUnaryCall<Request, Reply>, done: sendUnaryData<Reply>): void =>
      done(null, read(call.request));
  const status = (key: string, act: () => void): object => {
    const error = refuse(key);
    if (error === undefined) act();
    return { Success: error === undefined, Error: error === undefined ? "" : `ERROR: ${error}` };
  };
  server.addService(definition["KVStore"] as unknown as ServiceDefinition, {
    Get: reply(({ Data }: KeyMessage) => {
      const error = refuse(Data);
      if (error !== undefined) return { Success: false, Exists: false, Data: `ERROR: ${error}` };
      return { Success: true, Exists: map.has(Data), Data: map.get(Data) ?? "" };
    }),
    Put: reply(({ Key, Value }: PairMessage) => status(Key, () => map.set(Key, Value))),
    Delete: reply(({ Data }: KeyMessage) => status(Data, () => map.delete(Data))),
  });
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
      if (error !== null) reject(error);
      else resolve({ port, stop: () => server.forceShutdown() });
    });
  });
}
