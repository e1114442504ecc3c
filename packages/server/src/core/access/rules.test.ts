import fc from "fast-check";
import { expect, test } from "vitest";
import { latin1, utf8Bytes } from "../base/index.ts";
import { commandByName } from "../command/index.ts";
import {
  Access,
  changeRules,
  describeUser,
  hasPasswords,
  hidePassword,
  parseAclFile,
  readUser,
  type StoredUser,
} from "./index.ts";
import { rulesOf, testSecrets } from "./testing/rules.ts";

const HASH = testSecrets.sha256Hex(utf8Bytes("pw"));

const problemOf = (text: string): string | undefined => {
  const changed = changeRules(undefined, [hidePassword(utf8Bytes(text), testSecrets)]);
  return "problem" in changed ? changed.problem : undefined;
};

test("a new user may do nothing", () => {
  expect(changeRules(undefined, [])).toEqual({ rules: "off resetchannels -@all" });
});

test("rules have one spelling, whatever the order they were said in", () => {
  expect(rulesOf("+@all +get -@dangerous ~b* >pw ~a* &news on")).toBe(
    `on #${HASH} ~b* ~a* resetchannels &news +@all +get -@dangerous`,
  );
  expect(rulesOf("ON AllKeys ALLCHANNELS AllCommands NoPass")).toBe("on nopass ~* &* +@all");
});

test("what was said of a command counts no more when it is said anew, also of its container", () => {
  expect(rulesOf("+get -get +GET")).toBe("off resetchannels -@all +get");
  expect(rulesOf("+client|id -client|list +client")).toBe("off resetchannels -@all +client");
  expect(rulesOf("+get +@all")).toBe("off resetchannels +@all");
});

test("the two sides of a key pattern join", () => {
  expect(rulesOf("%R~a %W~a %r~b %rw~c")).toBe("off ~a %R~b ~c resetchannels -@all");
});

test("both sides of all keys leave room for other patterns: the rules can still be read", () => {
  for (const said of ["%RW~* ~foo", "%R~* %W~* ~foo"]) {
    const rules = rulesOf(`on nopass +get ${said}`);
    expect(readUser({ name: "a", rules })).toMatchObject({ enabled: true, keys: { length: 2 } });
    expect(changeRules(rules, ["off"])).toHaveProperty("rules");
  }
});

test("passwords come and go by themselves, by hash, and with nopass", () => {
  expect(rulesOf(">pw >pw")).toBe(`off #${HASH} resetchannels -@all`);
  expect(rulesOf("<pw", rulesOf(">pw"))).toBe("off resetchannels -@all");
  expect(rulesOf(`!${HASH}`, rulesOf(">pw"))).toBe("off resetchannels -@all");
  expect(rulesOf("nopass", rulesOf(">pw"))).toBe("off nopass resetchannels -@all");
  expect(rulesOf("resetpass", rulesOf("nopass"))).toBe("off resetchannels -@all");
  expect(rulesOf("reset", rulesOf("on >pw ~* &* +@all"))).toBe("off resetchannels -@all");
});

test("what is wrong is said in Redis' words", () => {
  expect(problemOf("+nosuch")).toBe("Unknown command or category name in ACL");
  expect(problemOf("-@nosuch")).toBe("Unknown command or category name in ACL");
  expect(problemOf("+config|nosuch")).toBe("Unknown command or category name in ACL");
  for (const text of ["foo", "%Z~x", "%~x", "~a b", "+client|", "(~x +get)", ""])
    expect(problemOf(text), text).toBe("Syntax error");
  expect(problemOf("#zz")).toMatch(/^The password hash must be exactly 64 characters/);
  expect(problemOf("<nopw")).toBe("The password you are trying to remove from the user does not exist");
  const after = (before: string, text: string): unknown => changeRules(rulesOf(before), [text]);
  expect(after("~*", "~zz")).toMatchObject({ problem: expect.stringMatching(/Try 'resetkeys'/) });
  expect(after("&*", "&zz")).toMatchObject({ problem: expect.stringMatching(/Try 'resetchannels'/) });
});

test("no message and no rule quotes a password", () => {
  for (const text of [">secret", "<secret"]) expect(problemOf(text) ?? "").not.toContain("secret");
  expect(rulesOf(">secret")).not.toContain("secret");
});

test("categories and commands of Redis that are not here do no harm", () => {
  expect(readUser({ name: "a", rules: rulesOf("+@hash +@geo") }).commands.size).toBe(0);
});

test("rules of a version that knows more: unknown commands are passed over, anything else lets nobody in", () => {
  const newer = readUser({ name: "a", rules: "on nopass ~* &* -@all +get +hset" });
  expect([...newer.commands].map(({ name }) => name)).toEqual(["get"]);
  expect(newer.enabled).toBe(true);
  const unreadable = readUser({ name: "a", rules: "on nopass ~* &* +@all (selector)" });
  expect(unreadable).toMatchObject({ enabled: false, unrestricted: false });
  expect(changeRules("on (selector) +@all", ["-get"])).toHaveProperty("problem");
});

const modifier = fc.oneof(
  fc.constantFrom("on", "off", "nopass", "resetpass", "reset", "allkeys", "resetkeys", "allchannels", "resetchannels"),
  fc.constantFrom("+@all", "-@all", "+@read", "-@write", "+get", "-set", "+client|id", "-client", "+config|get"),
  fc.constantFrom(">one", ">two", "<one", `#${HASH}`, `!${HASH}`),
  fc
    .tuple(
      fc.constantFrom("~", "%R~", "%W~", "&"),
      fc.string({ unit: fc.constantFrom(..."a b * ? [ ] \\ ^ - \xff".split(" ")), maxLength: 6 }),
    )
    .map(([kind, pattern]) => kind + pattern),
);

/** As SETUSER: what is wrong is refused, the rest counts. */
function applied(modifiers: readonly string[]): string {
  let rules = rulesOf("off");
  for (const one of modifiers) {
    const changed = changeRules(rules, [hidePassword(Buffer.from(one, "latin1"), testSecrets)]);
    if ("rules" in changed) rules = changed.rules;
  }
  return rules;
}

test("property: what GETUSER and LIST show makes the same user again", () => {
  fc.assert(
    fc.property(fc.array(modifier, { maxLength: 12 }), (modifiers) => {
      const rules = applied(modifiers);
      expect(changeRules(undefined, rules.split(" "))).toEqual({ rules });
      const { flags, passwords, keys, channels, commands } = describeUser({ name: "a", rules });
      const shown = [...flags, ...passwords.map((hash) => `#${hash}`), keys, channels, commands]
        .filter(Boolean)
        .join(" ");
      expect(changeRules(undefined, shown.split(" "))).toEqual({ rules });
      const line = Buffer.from(`# users\n\nuser a ${rules}\r\n`, "latin1");
      expect(parseAclFile(line, testSecrets)).toEqual({ users: [{ name: "a", rules }] });
    }),
  );
});

test("property: a rule said last decides about its commands", () => {
  const rule = fc.constantFrom(
    "+@all",
    "-@all",
    "+@read",
    "-@read",
    "+@write",
    "-@write",
    "+get",
    "-get",
    "+set",
    "-set",
  );
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 10 }), (rules) => {
      const get = commandByName(utf8Bytes("get"));
      if (get === undefined) throw new Error("there is GET");
      const last = rules.filter((text) => /@all|@read|\Wget/.test(text)).at(-1);
      const user = readUser({ name: "a", rules: applied(rules) });
      expect(user.commands.has(get)).toBe(last?.startsWith("+") === true);
    }),
  );
});

test("an ACL file is refused with its line, without what it says", () => {
  const refused = (text: string): unknown => parseAclFile(utf8Bytes(text), testSecrets);
  expect(refused("user a on\nuser b >secret +nosuch")).toEqual({
    line: 2,
    problem: "Unknown command or category name in ACL",
  });
  expect(refused("user a\nuser a")).toMatchObject({ line: 2, problem: expect.stringMatching(/twice/) });
  expect(refused("users a")).toMatchObject({ line: 1 });
  expect(refused("user")).toMatchObject({ line: 1 });
});

test("a line of an ACL file may end with a letter whose last byte looks like a space", () => {
  expect(parseAclFile(utf8Bytes("user a >voilà \r\n"), testSecrets)).toEqual({
    users: [{ name: "a", rules: rulesOf(`#${testSecrets.sha256Hex(utf8Bytes("voilà"))}`) }],
  });
});

test("hasPasswords: nobody can do anything without one", () => {
  const users = (...list: [string, string][]): StoredUser[] =>
    list.map(([name, rules]) => ({ name, rules: rulesOf(rules) }));
  expect(hasPasswords([])).toBe(false);
  expect(hasPasswords(users(["alice", "on >pw +@all"]))).toBe(false);
  expect(hasPasswords(users(["default", "off"]))).toBe(true);
  expect(hasPasswords(users(["default", "on >pw +@all ~*"]))).toBe(true);
  expect(hasPasswords(users(["default", "off"], ["guest", "on nopass +get ~*"]))).toBe(false);
  expect(hasPasswords(users(["default", "on nopass -@all"]))).toBe(true);
});

test("who a client is", () => {
  const access = new Access(testSecrets);
  expect(access.update(undefined, true)).toBe(true);
  expect(access.initial).toMatchObject({ name: "default", unrestricted: true });
  const enter = (name: string, password: string): string | undefined =>
    access.authenticate(utf8Bytes(name), utf8Bytes(password))?.name;
  expect(enter("default", "anything")).toBe("default");
  expect(enter("alice", "pw")).toBeUndefined();
  const alice: StoredUser = { name: "alice", rules: rulesOf("on >pw >two +get ~*") };
  expect(access.update([alice, { name: "default", rules: rulesOf("off nopass") }], true)).toBe(true);
  expect(access.initial).toBeUndefined();
  expect([enter("alice", "pw"), enter("alice", "two"), enter("alice", "PW"), enter("alice", "")]).toEqual([
    "alice",
    "alice",
    undefined,
    undefined,
  ]);
  expect(enter("default", "x")).toBeUndefined();
  expect(enter("alice", "pw".padEnd(10_000))).toBeUndefined();
});

test("until the users are those of now, passwords open what they opened last, and without one nobody comes in", () => {
  const access = new Access(testSecrets);
  const enter = (name: string, password: string): string | undefined =>
    access.authenticate(utf8Bytes(name), utf8Bytes(password))?.name;
  expect([access.current, access.initial, access.lastInitial?.name, access.mayBeOpen]).toEqual([
    false,
    undefined,
    "default",
    true,
  ]);
  const alice: StoredUser = { name: "alice", rules: rulesOf("on >pw +get ~*") };
  const guest: StoredUser = { name: "guest", rules: rulesOf("on nopass +get ~*") };
  access.update([alice, guest], false);
  expect(["alice", "guest", "default"].map((name) => enter(name, "pw"))).toEqual(["alice", undefined, undefined]);
  expect([access.initial, access.mayBeOpen]).toEqual([undefined, true]);
  // Whatever is heard: default has a password, as it had last.
  const closed: StoredUser = { name: "default", rules: rulesOf("on >secret +@all ~*") };
  access.update([alice, guest, closed], false);
  expect([access.initial, access.mayBeOpen, enter("default", "secret")]).toEqual([undefined, false, "default"]);
  const users = [alice, guest];
  access.update(users, false);
  expect(access.update(users, true)).toBe(true);
  expect(["alice", "guest", "default"].map((name) => enter(name, "pw"))).toEqual(["alice", "guest", "default"]);
  expect([access.initial?.name, access.mayBeOpen]).toEqual(["default", false]);
  expect(access.update(users, true)).toBe(false);
});

test("a user whose rules stay the same stays the same object", () => {
  const access = new Access(testSecrets);
  const list = (rules: string): StoredUser[] => [
    { name: "alice", rules: rulesOf("on +get") },
    { name: "bob", rules: rulesOf(rules) },
  ];
  access.update(list("on"), true);
  const [alice, bob] = ["alice", "bob"].map((name) => access.users.get(name));
  if (alice === undefined || bob === undefined) throw new Error("there are both");
  access.update(list("on +set"), true);
  expect(access.renewed(alice)).toBe(alice);
  expect(access.renewed(bob)).not.toBe(bob);
  access.update(list("off"), true);
  expect(access.renewed(bob)).toBeUndefined();
  access.update([], true);
  expect(access.renewed(alice)).toBeUndefined();
  expect(latin1(utf8Bytes([...access.users.keys()].join()))).toBe("default");
});
