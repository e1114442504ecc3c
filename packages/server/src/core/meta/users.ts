import { USER_NAME_BYTES_MAX, USER_RULES_BYTES_MAX, USERS_BYTES_MAX, USERS_MAX, utf8Bytes } from "../base/index.ts";
import { fromJson } from "./json.ts";
import type { UserInfo } from "./types.ts";

/** A change of users, as an entry of the meta group carries it. */
export interface UsersChange {
  /** The version of the users that it was made from: it takes effect on them, or not at all. */
  readonly expected: number;
  readonly list: readonly UserInfo[];
}

export const encodeUsersChange = ({ expected, list }: UsersChange): Uint8Array =>
  utf8Bytes(JSON.stringify({ expected, list }));

/** Undefined: no node wrote this. Checked before it is proposed, because a replica that met it in an entry could only stop. */
export function decodeUsersChange(bytes: Uint8Array): UsersChange | undefined {
  const plain = fromJson(bytes);
  if (typeof plain !== "object" || plain === null) return undefined;
  const { expected, list } = plain as Partial<Record<keyof UsersChange, unknown>>;
  if (!Number.isSafeInteger(expected) || (expected as number) < 0) return undefined;
  return isUserList(list) ? { expected: expected as number, list } : undefined;
}

/** Whether it is a list of users within the limits. What their rules mean is not looked at: versions may differ in that. */
export function isUserList(plain: unknown): plain is readonly UserInfo[] {
  if (!Array.isArray(plain) || !plain.every(isUser)) return false;
  return new Set(plain.map(({ name }) => name)).size === plain.length && usersProblem(plain) === undefined;
}

/** Which limit the list is beyond, for people; undefined: none. */
export function usersProblem(list: readonly UserInfo[]): string | undefined {
  if (list.length > USERS_MAX) return `there may be at most ${USERS_MAX} users`;
  if (list.some(({ name }) => name.length > USER_NAME_BYTES_MAX)) {
    return `the name of a user may have at most ${USER_NAME_BYTES_MAX} bytes`;
  }
  if (list.some(({ rules }) => rules.length > USER_RULES_BYTES_MAX)) {
    return `the rules of a user may have at most ${USER_RULES_BYTES_MAX} bytes`;
  }
  const bytes = list.reduce((sum, { name, rules }) => sum + name.length + rules.length, 0);
  return bytes > USERS_BYTES_MAX ? `all users together may have at most ${USERS_BYTES_MAX} bytes of rules` : undefined;
}

function isUser(plain: unknown): plain is UserInfo {
  if (typeof plain !== "object" || plain === null) return false;
  const { name, rules } = plain as Partial<Record<keyof UserInfo, unknown>>;
  return typeof name === "string" && name !== "" && typeof rules === "string";
}
