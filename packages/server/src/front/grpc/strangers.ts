import { ServerInterceptingCall, type ServerInterceptor, status } from "@grpc/grpc-js";
import type { Access } from "../../core/access/index.ts";
import type { NodeApi } from "../../core/node/index.ts";
import { strangerRefusalOf } from "../credentials.ts";
import type { Guessing } from "./guessing.ts";
import type { KvStoreOptions } from "./kvstore.ts";
import { STRANGERS_WAITING_MAX } from "./limits.ts";
import { boundedOpenCall } from "./open-services.ts";

const METHOD = /^\/KVStore\/(Get|Put|Delete)$/;

/**
 * Ends the calls of those who may not come in before their messages are read: whoever may be anybody could fill the memory
 * with values of megabytes that are never complete. What they would need it for is asked again with the message. Who brings
 * no password to a node that has not heard whether one is wanted, waits for that.
 */
export function strangersTurnedAway(
  node: NodeApi,
  access: Access | undefined,
  guessing: Guessing,
  onCall: KvStoreOptions["onCall"],
): ServerInterceptor {
  let waiting = 0;
  return (called, call) => {
    const { path } = called;
    const method = METHOD.exec(path)?.[1] as "Get" | "Put" | "Delete" | undefined;
    if (method === undefined) return boundedOpenCall(called, call);
    if (access === undefined) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start: (begin) =>
        begin({
          onReceiveMetadata(metadata, next) {
            const authorization = metadata.get("authorization")[0]?.toString();
            const asker = { authorization, address: call.getPeer(), protocol: "gRPC" };
            const decide = (): void => {
              const refusal = strangerRefusalOf(node, access, asker);
              if (authorization !== undefined) {
                if (refusal === undefined) guessing.right(asker.address);
                else guessing.wrong(asker.address);
              }
              if (refusal === undefined) {
                next(metadata);
                return;
              }
              // A stream that nobody reads from would never close.
              call.startRead();
              const ended = strangerStatus(refusal, authorization);
              call.sendStatus(ended);
              onCall?.({ method, keyBytes: 0, result: status[ended.code], ms: 0 });
            };
            if (!access.undecided || authorization !== undefined || waiting >= STRANGERS_WAITING_MAX) {
              decide();
              return;
            }
            waiting += 1;
            access.whenDecided(() => {
              waiting -= 1;
              decide();
            });
          },
        }),
    });
  };
}

/** How the call of somebody who may not come in ends. */
export function strangerStatus(
  refusal: "unauthenticated" | "loading",
  authorization: string | undefined,
): { readonly code: status.UNAUTHENTICATED | status.UNAVAILABLE; readonly details: string } {
  if (refusal === "loading") return { code: status.UNAVAILABLE, details: LOADING };
  const details = authorization === undefined ? PASSWORD_WANTED : "invalid username-password pair or user is disabled";
  return { code: status.UNAUTHENTICATED, details };
}

const LOADING =
  "the node has not heard from the cluster's map since it started, and cannot know who may come in by now; try again, or at another node";
const PASSWORD_WANTED = "a user and a password are wanted: metadata `authorization: Basic <base64 of user:password>`";
