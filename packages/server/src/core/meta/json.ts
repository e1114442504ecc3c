import { utf8 } from "../base/index.ts";

/** What an entry of the meta group carries. Undefined: it is no JSON. */
export function fromJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8(bytes));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
