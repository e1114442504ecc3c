import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { clusterId, USER_RULES_BYTES_MAX, USERS_BYTES_MAX, USERS_MAX, utf8Bytes } from "../base/index.ts";
import {
  type ClusterMap,
  changeUsers,
  decodeMap,
  decodeUsersChange,
  emptyMap,
  encodeMap,
  encodeUsersChange,
  isUserList,
  type UserInfo,
  usersProblem,
} from "./index.ts";

const golden = (name: string): Uint8Array => readFileSync(new URL(`golden/${name}`, import.meta.url));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const LIST: readonly UserInfo[] = [
  { name: "default", rules: "off resetchannels -@all" },
  { name: "J\u00c3\u00b6rg", rules: "on nopass ~\u00ff* &* +@all" },
];
const map: ClusterMap = { ...emptyMap(clusterId("ab".repeat(20))), version: 8, users: { version: 7, list: LIST } };

test("golden: a map with users, and one without", () => {
  expect(`${text(encodeMap(map))}\n`).toBe(text(golden("map-with-users.json")));
  expect(decodeMap(golden("map-with-users.json"), "the test")).toEqual(map);
  const { users: _, ...without } = map;
  expect(`${text(encodeMap(without))}\n`).toBe(text(golden("map.json")));
  expect(decodeMap(golden("map.json"), "the test")).toMatchObject(without);
});

test("golden: a change of users", () => {
  const change = { expected: 7, list: LIST };
  expect(`${text(encodeUsersChange(change))}\n`).toBe(text(golden("users-change.json")));
  expect(decodeUsersChange(golden("users-change.json"))).toEqual(change);
});

test("a map says of which format it is, so that a version without users does not pass them over", () => {
  const other = (format: number): Uint8Array =>
    utf8Bytes(JSON.stringify({ ...JSON.parse(text(encodeMap(map))), format }));
  expect(() => decodeMap(other(1), "the test")).toThrow(/has format 1/);
  expect(() => decodeMap(other(3), "the test")).toThrow(/has format 3/);
  const broken = utf8Bytes(JSON.stringify({ ...JSON.parse(text(encodeMap(map))), users: { version: 1, list: [{}] } }));
  expect(() => decodeMap(broken, "the test")).toThrow(/has users that cannot be read/);
});

test.each([
  ["nothing", ""],
  ["no object", "7"],
  ["no version", '{"list":[]}'],
  ["a version that is none", '{"expected":-1,"list":[]}'],
  ["no list", '{"expected":1}'],
  ["a user without rules", '{"expected":1,"list":[{"name":"a"}]}'],
  ["a user without a name", '{"expected":1,"list":[{"name":"","rules":"on"}]}'],
  ["a user twice", '{"expected":1,"list":[{"name":"a","rules":"on"},{"name":"a","rules":"off"}]}'],
])("a change that would stop the meta group is none: %s", (_, json) => {
  expect(decodeUsersChange(utf8Bytes(json))).toBeUndefined();
});

test("limits", () => {
  const users = (count: number, rules: string): UserInfo[] =>
    Array.from({ length: count }, (_, n) => ({ name: `user-${n}`, rules }));
  expect(usersProblem(users(USERS_MAX, "on"))).toBeUndefined();
  expect(usersProblem(users(USERS_MAX + 1, "on"))).toMatch(/at most 1000 users/);
  expect(usersProblem(users(1, "x".repeat(USER_RULES_BYTES_MAX + 1)))).toMatch(/rules of a user/);
  expect(usersProblem(users(USERS_BYTES_MAX / USER_RULES_BYTES_MAX, "x".repeat(USER_RULES_BYTES_MAX)))).toMatch(
    /all users/,
  );
  expect(isUserList(users(USERS_MAX + 1, "on"))).toBe(false);
});

test("users change only from the list that the change was made from", () => {
  const first = changeUsers(emptyMap(clusterId("ab".repeat(20))), { expected: 0, list: LIST }, 5);
  expect(first).toMatchObject({ version: 5, users: { version: 5, list: LIST } });
  expect(changeUsers(first, { expected: 0, list: [] }, 6)).toBe(first);
  expect(changeUsers(first, { expected: 5, list: [] }, 6)).toMatchObject({
    version: 6,
    users: { version: 6, list: [] },
  });
});
