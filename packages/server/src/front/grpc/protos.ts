import { fileURLToPath } from "node:url";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { loadSync, type PackageDefinition } from "@grpc/proto-loader";
import { utf8 } from "../../core/base/index.ts";

/** A file of `proto/`, read. It imports no other. */
export interface Proto {
  /** Full names of its services, messages and enums, and of the methods of its services. */
  readonly symbols: ReadonlySet<string>;
  readonly services: ReadonlyMap<string, ServiceDefinition>;
  /** By which the descriptor calls itself: the loader names files after their package. */
  readonly fileName: string;
  /** A serialized `google.protobuf.FileDescriptorProto`. */
  readonly descriptor: Uint8Array;
}

/** The same path from src/front/grpc and dist/front/grpc. */
const pathOf = (name: string): string => fileURLToPath(new URL(`../../../proto/${name}`, import.meta.url));

export function loadProto(name: "kvstore.proto" | "health.proto" | "reflection.proto"): Proto {
  const loaded: PackageDefinition = loadSync(pathOf(name), { keepCase: true, defaults: true, oneofs: true });
  const symbols = new Set<string>();
  const services = new Map<string, ServiceDefinition>();
  let descriptor: Uint8Array | undefined;
  for (const [symbol, definition] of Object.entries(loaded)) {
    symbols.add(symbol);
    if (isType(definition)) {
      descriptor = definition.fileDescriptorProtos[0];
    } else {
      services.set(symbol, definition as ServiceDefinition);
      for (const method of Object.keys(definition)) symbols.add(`${symbol}.${method}`);
    }
  }
  if (descriptor === undefined) throw new Error(`${name} declares a message`);
  return { symbols, services, fileName: nameIn(descriptor), descriptor };
}

/** The name is field 1 of a FileDescriptorProto and comes first: its tag, its length (one byte), its bytes. */
function nameIn(descriptor: Uint8Array): string {
  return utf8(descriptor.subarray(2, 2 + (descriptor[1] ?? 0)));
}

function isType(definition: object): definition is { fileDescriptorProtos: Uint8Array[] } {
  return Array.isArray((definition as { fileDescriptorProtos?: unknown }).fileDescriptorProtos);
}
