import { latin1, latin1Bytes, USERS_MAX } from "../base/index.ts";
import { hidePassword, userName } from "./rules.ts";
import type { Secrets } from "./secrets.ts";
import { changeRules, type StoredUser } from "./user.ts";

/**
 * Reads a file in the format of Redis' ACL files: a line `user NAME RULE ...` a user; lines that are empty or begin with
 * `#` are passed over. What is wrong is said with its line, without any password.
 */
export function parseAclFile(
  bytes: Uint8Array,
  secrets: Secrets,
): { readonly users: readonly StoredUser[] } | { readonly line: number; readonly problem: string } {
  const users: StoredUser[] = [];
  for (const [at, text] of latin1(bytes).split("\n").entries()) {
    // Not `trim`: it takes the last byte of `à` for a space, which may be the end of a password.
    const words = text.replace(/^[ \t]+|[ \t\r]+$/g, "").split(/[ \t]+/);
    if (words[0] === "" || words[0]?.startsWith("#") === true) continue;
    const wrong = (problem: string): { line: number; problem: string } => ({ line: at + 1, problem });
    if (words[0] !== "user") return wrong("a line begins with 'user', a comment with '#'");
    const name = userName(latin1Bytes(words[1] ?? ""));
    if (name === undefined) return wrong("there is no name that a user can have");
    if (users.some((other) => other.name === name)) return wrong("the user is there twice");
    if (users.length >= USERS_MAX) return wrong(`there are more than ${USERS_MAX} users`);
    const modifiers = words.slice(2).map((word) => hidePassword(latin1Bytes(word), secrets));
    const changed = changeRules(undefined, modifiers);
    if ("problem" in changed) return wrong(changed.problem);
    users.push({ name, rules: changed.rules });
  }
  return { users };
}
