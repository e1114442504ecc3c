/**
 * protocol: what client and server must agree on to the byte: slots and RESP.
 *
 * Invariants
 * - Functions of their input: no I/O, no time, nothing of the platform but the text codecs.
 * - Memory grows with the bytes that arrived, never with what a header promises.
 *
 * It does not: open connections (`../`) or decide anything about commands (the server's `core/command`).
 */
export { encodeCommand } from "./encode.ts";
export { RespError, RespMap, RespProtocolError, RespPush, RespReplyParser, type RespValue } from "./reply.ts";
export { keySlot } from "./slot.ts";
