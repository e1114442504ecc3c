import { type Access, denialOf, type User } from "../core/access/index.ts";
import type { CommandSpec } from "../core/command/index.ts";
import type { NodeApi } from "../core/node/index.ts";

const BASIC = /^Basic +([A-Za-z0-9+/_-]+={0,2})$/i;

/** Somebody who asks for a command by other ways than RESP. */
export interface Asker {
  /** HTTP's header, which gRPC calls carry as metadata; undefined: the default user. */
  readonly authorization: string | undefined;
  /** `host:port`. */
  readonly address: string;
  /** How they ask: `gRPC`, `HTTP`. */
  readonly protocol: string;
}

/** `loading`: the node has not heard who may come in, and will. */
export type Refusal = "unauthenticated" | "loading" | "command" | "key" | "channel";

/** Why the command is not run; undefined: it is. As commands of connections it is counted, and shown by ACL LOG. */
export function refusalOf(
  node: NodeApi,
  access: Access,
  asker: Asker,
  spec: CommandSpec,
  args: readonly Uint8Array[],
): Refusal | undefined {
  const user = knownUser(node, access, asker);
  if (typeof user === "string") return user;
  if (user.unrestricted) return undefined;
  const denial = denialOf(user, spec, args);
  if (denial !== undefined) note(access, asker, denial.reason, denial.object, user.name);
  return denial?.reason;
}

/** Why somebody may not come in, whatever is asked for. A wrong password is counted, as by `refusalOf`: ask one of them. */
export function strangerRefusalOf(
  node: NodeApi,
  access: Access,
  asker: Asker,
): "unauthenticated" | "loading" | undefined {
  const user = knownUser(node, access, asker);
  return typeof user === "string" ? user : undefined;
}

function knownUser(node: NodeApi, access: Access, asker: Asker): User | "unauthenticated" | "loading" {
  const { authorization, address, protocol } = asker;
  const user = userOf(access, asker);
  if (user !== undefined) return user;
  if (authorization === undefined) return access.mayBeOpen ? "loading" : "unauthenticated";
  // The password may be right by now: no wrong one is reported.
  if (!access.current) return "loading";
  const name = nameOf(authorization);
  const host = address.replace(/:\d+$/, "");
  note(access, asker, "auth", protocol, name);
  node.complain(`auth ${host}`, "a client offered a wrong password", { address: host, user: name, protocol });
  return "unauthenticated";
}

type Reason = Parameters<Access["log"]["add"]>[0]["reason"];

function note(access: Access, { address, protocol }: Asker, reason: Reason, object: string, userName: string): void {
  const client = `${protocol} addr=${address}`;
  access.log.add({ reason, context: "toplevel", object, userName, client }, Date.now());
}

/** Undefined: nobody who may come in. */
function userOf(access: Access, { authorization, protocol }: Asker): User | undefined {
  // HTTP shows how the node is, and that is wanted most while it hears of nobody.
  if (authorization === undefined) return protocol === "HTTP" ? access.lastInitial : access.initial;
  const encoded = BASIC.exec(authorization)?.[1];
  const decoded = encoded === undefined ? undefined : Buffer.from(encoded, "base64");
  const colon = decoded?.indexOf(":") ?? -1;
  if (decoded === undefined || colon < 0) return undefined;
  return access.authenticate(decoded.subarray(0, colon), decoded.subarray(colon + 1));
}

/** The user name that was given, for the log; never the password. */
function nameOf(authorization: string): string {
  const encoded = BASIC.exec(authorization)?.[1] ?? "";
  return Buffer.from(encoded, "base64").toString("utf8").split(":", 1)[0]?.slice(0, NAME_SHOWN_CHARACTERS) ?? "";
}

const NAME_SHOWN_CHARACTERS = 64;
