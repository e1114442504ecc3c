import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { hasPasswords } from "../core/access/index.ts";
import { clusterId } from "../core/base/index.ts";
import type { Disk } from "../core/env/index.ts";
import { emptyMap } from "../core/meta/index.ts";
import { SavedUsers, usersOfSettings } from "./users.ts";

function fileWith(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "sherd-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "users.acl");
  writeFileSync(path, text);
  return path;
}

const PW = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4";

test("users of a file, and the default user's password", () => {
  expect(usersOfSettings({})).toBeUndefined();
  const aclFile = fileWith("# ours\nuser alice on >pw ~a* +get\n");
  const alice = { name: "alice", rules: `on #${PW} ~a* resetchannels -@all +get` };
  expect(usersOfSettings({ aclFile })).toEqual([alice]);
  const byDefault = { name: "default", rules: `on #${PW} ~* &* +@all` };
  expect(usersOfSettings({ requirePass: "pw" })).toEqual([byDefault]);
  expect(usersOfSettings({ aclFile, requirePass: "pw" })).toEqual([alice, byDefault]);
  expect(hasPasswords([alice])).toBe(false);
  expect(hasPasswords([alice, byDefault])).toBe(true);
});

test("what is wrong is named with its line, without a password", () => {
  const refused = (text: string): unknown => {
    try {
      return usersOfSettings({ aclFile: fileWith(text), requirePass: "secret" });
    } catch (error) {
      return (error as { detail: string }).detail;
    }
  };
  expect(refused("user a on >secret\nuser b >secret +nosuch\n")).toMatch(/users\.acl:2: Unknown command or category/);
  expect(refused("user default on >secret\n")).toMatch(/only one may be/);
  for (const text of ["user b >secret +nosuch", "user default >secret"]) expect(refused(text)).not.toContain("secret");
  expect(() => usersOfSettings({ aclFile: "/nowhere" })).toThrow(/\/nowhere cannot be read/);
});

/** A disk that is a map. */
function diskOf(files: Map<string, Uint8Array>): Disk {
  const disk: Pick<Disk, "readFile" | "writeFile"> = {
    readFile: (path) => files.get(path),
    writeFile: (path, bytes) => void files.set(path, bytes),
  };
  return disk as Disk;
}

test("a node starts with the users that it knew last, not with those of its settings", () => {
  const plan = emptyMap(clusterId("ab".repeat(20)));
  const given = [{ name: "default", rules: `on #${PW} ~* &* +@all` }];
  const files = new Map<string, Uint8Array>();
  const first = new SavedUsers(diskOf(files));
  expect(first.startFrom(plan, undefined)).toBe(plan);
  const start = first.startFrom(plan, given);
  expect(start.users).toEqual({ version: 0, list: given });
  // They are no decision of the cluster yet.
  first.onMap(start);
  expect(files.size).toBe(0);
  const users = { version: 7, list: [{ name: "alice", rules: "on nopass ~\u00ff* &* +@all" }] };
  first.onMap({ ...plan, version: 9, users });
  first.onMap({ ...plan, version: 10, users: { version: 6, list: [] } });
  const golden = readFileSync(new URL("golden/users", import.meta.url));
  expect(Buffer.from(files.get("users") as Uint8Array).toString()).toBe(golden.toString());
  expect(new SavedUsers(diskOf(files)).startFrom(plan, given)).toEqual({ ...plan, users });
});

test("a file that cannot be read stops the start: passed over, it would let everybody in", () => {
  const open = (text: string): SavedUsers => new SavedUsers(diskOf(new Map([["users", Buffer.from(text)]])));
  for (const text of ["", "{", "{}", '{"format":2,"version":1,"list":[]}', '{"format":1,"version":1,"list":[{}]}']) {
    expect(() => open(text), text).toThrow(/SHERD_DATA_FORMAT/);
  }
});
