import { ClientError, RespError, type RespValue } from "@sherd/client";
import { Violation } from "@sherd/sim/world";

/** What became of one attempt of a command. */
export type Told =
  | { readonly outcome: "done"; readonly value: Value }
  /** It certainly had no effect and will have none. */
  | { readonly outcome: "refused"; readonly why: string }
  /** It may have an effect, now or later, or never. */
  | { readonly outcome: "unknown"; readonly why: string };

/** What the commands of the workloads answer. */
export type Value = string | number | null | readonly (string | null)[];

/** A client as a user would have it. It never sends a command again that may have taken effect. */
export interface Caller {
  readonly kind: string;
  /** Whether commands sent together on one key take effect in that order. */
  readonly keepsOrder: boolean;
  call(key: string, args: readonly string[]): Promise<Told>;
  /** All nodes have moved: what it knew leads nowhere. Nothing is under way. */
  reconnect(): void;
  close(): void;
}

/** Errors of which the store says that the command had no effect. */
const REFUSED_KINDS: ReadonlySet<string> = new Set(["CLUSTERDOWN", "TRYAGAIN", "LOADING", "MISCONF"]);

/** What an error reply says, by its first word. Any other is a bug of the store, or of this program. */
export function toldByError(text: string): Told {
  const [kind] = text.split(" ") as [string];
  if (kind === "INDETERMINATE") return { outcome: "unknown", why: kind };
  if (REFUSED_KINDS.has(kind)) return { outcome: "refused", why: kind };
  throw new Violation("known errors only", text);
}

export function toldByReply(reply: RespValue): Told {
  if (reply instanceof RespError) return toldByError(reply.message);
  if (Array.isArray(reply)) return { outcome: "done", value: reply.map(bulk) };
  if (typeof reply === "string" || typeof reply === "number") return { outcome: "done", value: reply };
  return { outcome: "done", value: bulk(reply) };
}

function bulk(reply: RespValue): string | null {
  if (reply === null) return null;
  if (reply instanceof Uint8Array) return new TextDecoder().decode(reply);
  throw new Violation("replies fit their commands", `a command was answered with ${JSON.stringify(reply)}`);
}

export function toldByClientError(error: unknown): Told {
  if (!(error instanceof ClientError)) throw error;
  if (error.code === "SHERD_CLIENT_PROTOCOL") throw new Violation("nodes speak RESP", error.message);
  return { outcome: error.outcome === "unknown" ? "unknown" : "refused", why: error.code };
}
