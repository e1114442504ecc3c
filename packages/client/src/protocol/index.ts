/**
 * protocol: what client and server must agree on to the byte: slots and RESP.
 *
 * Invariants: pure functions of their input, no I/O, no platform types.
 * It does not: open connections (`../`) or decide anything about commands (the server's `core/command`).
 */
export { keySlot } from "./slot.ts";
