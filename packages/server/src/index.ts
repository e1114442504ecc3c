/**
 * sherd as a library: a node inside a program, and the errors. Programs speak to it, as to any node, with a Redis client
 * or `@sherd/client`.
 */
export { type ErrorCode, errorCatalogue, SherdError } from "./core/base/index.ts";
export type { NodeStatus } from "./core/node/index.ts";
export { type EmbeddedNode, type EmbeddedOptions, startNode } from "./daemon/embedded/index.ts";
export { VERSION } from "./daemon/version.ts";
