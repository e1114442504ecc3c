import { utf8Bytes } from "../base/index.ts";
import { ONE, type Reply, ZERO } from "./types.ts";

/** Replies that many commands make. */

export const integer = (value: number): Reply => (value === 0 ? ZERO : value === 1 ? ONE : { type: "integer", value });
export const bulk = (bytes: Uint8Array): Reply => ({ type: "bulk", bytes });
export const bulkText = (text: string): Reply => ({ type: "bulk", bytes: utf8Bytes(text) });
export const array = (items: readonly Reply[]): Reply => ({ type: "array", items });
