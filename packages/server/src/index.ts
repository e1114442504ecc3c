/**
 * sherd as a library. So far: its errors. Nodes are started by the command line (`sherd start`, `sherd node`); programs
 * speak to them with any Redis client or `@sherd/client`.
 */
export { type ErrorCode, errorCatalogue, SherdError } from "./core/base/index.ts";
export { VERSION } from "./daemon/version.ts";
