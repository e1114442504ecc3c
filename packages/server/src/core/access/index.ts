/**
 * access: who may do what: users, their passwords and their rules, as Redis 7's ACL has them.
 *
 * Invariants
 * - A user's text (`StoredUser.rules`) is all that is kept of it; what it allows follows from the text and from the command
 *   table of the version that reads it. A text that this version cannot read lets nobody in.
 * - A `User` never changes: other rules make another one. Who holds one sees by identity whether its rules changed.
 * - Passwords are kept as SHA-256 only, compared in constant time, and appear in no error, log line or reply.
 *
 * It does not: keep users (the cluster map does), count attempts, or know connections and protocols.
 */
export { Access } from "./access.ts";
export { AccessLog, type AccessLogEntry } from "./access-log.ts";
export { type Denial, denialOf, isAlwaysAllowed } from "./denial.ts";
export { parseAclFile } from "./file.ts";
export { categoryNames, commandsOf } from "./known-commands.ts";
export { hidePassword, userName } from "./rules.ts";
export { type Secrets, sameText } from "./secrets.ts";
export {
  changeRules,
  DEFAULT_USER,
  DEFAULT_USER_RULES,
  describeUser,
  hasPasswords,
  readUser,
  type StoredUser,
  type User,
  userLine,
} from "./user.ts";
