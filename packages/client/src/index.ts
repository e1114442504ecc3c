/**
 * @sherd/client: talks to sherd (and to any server that speaks Redis Cluster's protocol).
 *
 * `RespConnection` is one connection to one node; `ClusterConnections` sends each command to the node that serves its
 * slot. Both are callback-first, because a load generator and a proxy must not pay a promise per command; `call` is there
 * for everybody else.
 *
 * Invariants
 * - Every command is answered exactly once: with the server's reply, or with a `ClientError` that says whether the command
 *   may have taken effect.
 * - A command that may have taken effect is never sent again.
 * - No queue grows without a bound; every bound has its name and reason in `limits.ts`.
 *
 * It does not yet: open sessions (a retried write that takes effect once), split commands over slots, subscribe.
 */
export { ClusterConnections, type ClusterOptions } from "./cluster.ts";
export { type Answer, type AnswerHandler, RespConnection, type RespConnectionOptions } from "./connection.ts";
export { ClientError, type ClientErrorCode, clientErrorCatalogue, type Outcome } from "./errors.ts";
export {
  encodeCommand,
  keySlot,
  RespError,
  RespMap,
  RespProtocolError,
  RespPush,
  type RespValue,
} from "./protocol/index.ts";
export { type Address, addressName, parseAddress, parseClusterSlots, SLOT_COUNT, type SlotRange } from "./slot-map.ts";
