import { ServerInterceptingCall, type ServerInterceptor } from "@grpc/grpc-js";
import { assert } from "../../core/base/index.ts";
import { OPEN_MESSAGE_BYTES_MAX } from "./limits.ts";

/**
 * What grpc-js keeps of a call, by its own names. It has one limit for the messages of all services; without another one
 * for those that need no password, every stream of a stranger could hold a value of megabytes that is never complete. The
 * version is pinned, and a test sends a message that is too large.
 */
interface CallOfLibrary {
  maxReceiveMessageSize: number;
  readonly decoder: { maxReadMessageLength: number };
}

/** For calls of all services but `KVStore`, which are open to everybody: bounds their messages, compressed and not. */
export const boundedOpenCall: ServerInterceptor = (_method, call) => {
  const inner = call as unknown as CallOfLibrary;
  assert(typeof inner.decoder.maxReadMessageLength === "number", "grpc-js decodes messages as it did");
  inner.decoder.maxReadMessageLength = OPEN_MESSAGE_BYTES_MAX;
  inner.maxReceiveMessageSize = OPEN_MESSAGE_BYTES_MAX;
  return new ServerInterceptingCall(call);
};
