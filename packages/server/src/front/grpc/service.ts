import type { ServiceDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";

/**
 * `proto/kvstore.proto` with its strings declared as bytes. On the wire both are the same; here it means that a value
 * comes back byte for byte, and that text which is not UTF-8 is seen and refused instead of being replaced silently.
 * A test holds the two against each other.
 */
const KVSTORE: Parameters<typeof fromJSON>[0] = {
  nested: {
    KVStore: {
      methods: {
        Get: { requestType: "String", responseType: "ValueReturn", comment: "" },
        Put: { requestType: "KeyValuePair", responseType: "Status", comment: "" },
        Delete: { requestType: "String", responseType: "Status", comment: "" },
      },
    },
    String: { fields: { Data: { type: "bytes", id: 1 } } },
    KeyValuePair: { fields: { Key: { type: "bytes", id: 1 }, Value: { type: "bytes", id: 2 } } },
    ValueReturn: {
      fields: { Success: { type: "bool", id: 1 }, Exists: { type: "bool", id: 2 }, Data: { type: "bytes", id: 3 } },
    },
    Status: { fields: { Success: { type: "bool", id: 1 }, Error: { type: "bytes", id: 2 } } },
  },
};

export interface KeyMessage {
  readonly Data: Uint8Array;
}

export interface KeyValueMessage {
  readonly Key: Uint8Array;
  readonly Value: Uint8Array;
}

export interface ValueMessage {
  readonly Success: boolean;
  readonly Exists: boolean;
  readonly Data: Uint8Array;
}

export interface StatusMessage {
  readonly Success: boolean;
  readonly Error: Uint8Array;
}

export const kvStoreService: ServiceDefinition = fromJSON(KVSTORE, { keepCase: true, defaults: true })[
  "KVStore"
] as ServiceDefinition;
