/**
 * clients: how the workloads reach the nodes.
 *
 * Invariants
 * - One call is one attempt: whatever may have taken effect is not sent again, here or in the library behind it.
 * - An answer is `refused` only when it says that nothing was done; whatever is not known is `unknown`.
 * - An error that the store does not document breaks a promise.
 *
 * It does not: choose commands, or record them.
 */
export { type Caller, type Told, type Value } from "./caller.ts";
export { ClusterCaller } from "./cluster-caller.ts";
export { foreign } from "./foreign.ts";
export { ForwardedCaller } from "./forwarded.ts";
export { routed } from "./routed.ts";
