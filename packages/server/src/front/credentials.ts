import type { Access, User } from "../core/access/index.ts";

const BASIC = /^Basic +([A-Za-z0-9+/_-]+={0,2})$/i;

/** Who asks, by HTTP's `Authorization: Basic`, which gRPC calls carry as metadata. Undefined: nobody who may come in. */
export function userOf(access: Access, authorization: string | undefined): User | undefined {
  if (authorization === undefined) return access.initial;
  const encoded = BASIC.exec(authorization)?.[1];
  const decoded = encoded === undefined ? undefined : Buffer.from(encoded, "base64");
  const colon = decoded?.indexOf(":") ?? -1;
  if (decoded === undefined || colon < 0) return undefined;
  return access.authenticate(decoded.subarray(0, colon), decoded.subarray(colon + 1));
}

/** The user name that was given, for the log; never the password. */
export function nameOf(authorization: string | undefined): string {
  const encoded = BASIC.exec(authorization ?? "")?.[1] ?? "";
  return Buffer.from(encoded, "base64").toString("utf8").split(":", 1)[0]?.slice(0, NAME_SHOWN_CHARACTERS) ?? "";
}

const NAME_SHOWN_CHARACTERS = 64;
