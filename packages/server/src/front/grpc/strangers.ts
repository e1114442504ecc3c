import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import type { Access } from "../../core/access/index.ts";
import type { NodeApi } from "../../core/node/index.ts";
import { isStranger } from "../credentials.ts";
import type { KvStoreOptions } from "./kvstore.ts";

const METHOD = /^\/KVStore\/(Get|Put|Delete)$/;

/**
 * Ends the calls of those who may not come in before their messages are read: whoever may be anybody could fill the memory
 * with values of megabytes that are never complete. What they would need it for is asked again with the message.
 */
export function strangersTurnedAway(
  node: NodeApi,
  access: Access,
  onCall: KvStoreOptions["onCall"],
): ServerInterceptor {
  return ({ path }, call) => {
    const method = METHOD.exec(path)?.[1] as "Get" | "Put" | "Delete" | undefined;
    if (method === undefined) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (begin) =>
        begin({
          onReceiveMetadata(metadata, next) {
            const authorization = metadata.get("authorization")[0]?.toString();
            if (!isStranger(node, access, { authorization, address: call.getPeer(), protocol: "gRPC" })) {
              next(metadata);
              return;
            }
            // A stream that nobody reads from would never close.
            call.startRead();
            call.sendStatus({ code: status.UNAUTHENTICATED, details: unauthenticated(authorization) });
            onCall?.({ method, keyBytes: 0, result: "UNAUTHENTICATED", ms: 0 });
          },
        }),
    });
  };
}

export const unauthenticated = (authorization: string | undefined): string =>
  authorization === undefined
    ? "a user and a password are wanted: metadata `authorization: Basic <base64 of user:password>`"
    : "invalid username-password pair or user is disabled";
