import {
  type AccessLogEntry,
  categoryNames,
  changeRules,
  commandsOf,
  DEFAULT_USER,
  DEFAULT_USER_RULES,
  denialOf,
  describeUser,
  hidePassword,
  userLine,
  userName,
} from "../../access/index.ts";
import { latin1, latin1Bytes, USER_RULES_BYTES_MAX, utf8, utf8Bytes } from "../../base/index.ts";
import {
  arityFits,
  array,
  type CommandSpec,
  commandByName,
  err,
  findSubcommand,
  integer,
  NIL,
  NOT_AN_INTEGER,
  OK,
  type Reply,
  wrongArity,
} from "../../command/index.ts";
import type { ChangeUsers } from "../../node/index.ts";
import { Later } from "../later.ts";
import { denialText } from "../permission.ts";
import type { Answers, LocalCall } from "./types.ts";

/** Names and rules are kept as latin1 of their bytes. */
const bulk = (text: string): Reply => ({ type: "bulk", bytes: latin1Bytes(text) });
const set = (items: readonly Reply[]): Reply => ({ type: "set", items });
const map = (entries: readonly (readonly [string, Reply])[]): Reply => ({
  type: "map",
  entries: entries.map(([key, value]) => [bulk(key), value] as const),
});

const SHOWN_BYTES_MAX = 128;
const quoted = (bytes: Uint8Array): string => utf8(bytes.subarray(0, SHOWN_BYTES_MAX));

const BAD_NAME = err("Usernames can't contain spaces or null characters");
const DEFAULT_STAYS = err("The 'default' user cannot be removed");
const NOTHING_TO_LOAD = err(
  "users are kept by the cluster, not in a file; `sherd acl load FILE` sends it those of a file",
);
const GENPASS_BITS_DEFAULT = 256;
const GENPASS_BITS_MAX = 4096;
const BAD_GENPASS = err(
  `ACL GENPASS argument must be the number of bits for the output password, a positive number up to ${GENPASS_BITS_MAX}`,
);
const BITS_PER_HEX_DIGIT = 4;
/** Entries that ACL LOG shows when no number is given. */
const LOG_SHOWN = 10;

function change({ connections }: LocalCall, make: ChangeUsers, done: () => Reply): Later {
  const later = new Later();
  connections.node.changeUsers(make, (reply) => later.complete(reply === OK ? done() : reply));
  return later;
}

const TOO_MANY_RULES = err(
  `one ACL SETUSER may say rules of ${USER_RULES_BYTES_MAX} bytes, as many as a user may have`,
);
/** `#`, and a hash in hex. */
const HASHED_BYTES = 65;

/** Of the rules as they would be kept, before anything is hashed or compared. */
function saidBytes(modifiers: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const modifier of modifiers) bytes += 1 + (isPassword(modifier) ? HASHED_BYTES : modifier.length);
  return bytes;
}

const isPassword = (modifier: Uint8Array): boolean => /^[<>]/.test(latin1(modifier.subarray(0, 1)));

function setUser(call: LocalCall): Reply | Later {
  const [nameBytes, ...modifiers] = call.args as [Uint8Array, ...Uint8Array[]];
  const name = userName(nameBytes);
  if (name === undefined) return BAD_NAME;
  if (saidBytes(modifiers) > USER_RULES_BYTES_MAX) return TOO_MANY_RULES;
  // They outlive the call, and no password should.
  const hidden = modifiers.map((modifier) => hidePassword(modifier, call.connections.access.secrets));
  const shown = modifiers.map((modifier) => quoted(isPassword(modifier) ? modifier.subarray(0, 1) : modifier));
  return change(
    call,
    (users) => {
      const before = users.find((user) => user.name === name)?.rules;
      const changed = changeRules(before ?? (name === DEFAULT_USER ? DEFAULT_USER_RULES : undefined), hidden);
      if ("rules" in changed) return [...users.filter((user) => user.name !== name), { name, rules: changed.rules }];
      return err(`Error in ACL SETUSER modifier '${shown[changed.at] ?? ""}': ${changed.problem}`);
    },
    () => OK,
  );
}

function deleteUsers(call: LocalCall): Reply | Later {
  const names = new Set(call.args.map((arg) => latin1(arg)));
  if (names.has(DEFAULT_USER)) return DEFAULT_STAYS;
  const deleted = new Set<string>();
  return change(
    call,
    (users) => {
      // Made again, it may meet its own result: what it removed before counts.
      for (const { name } of users) if (names.has(name)) deleted.add(name);
      return users.filter(({ name }) => !names.has(name));
    },
    () => integer(deleted.size),
  );
}

function getUser({ args, connections }: LocalCall): Reply {
  const user = connections.access.users.get(latin1(args[0] as Uint8Array));
  if (user === undefined) return NIL;
  const { flags, passwords, commands, keys, channels } = describeUser(user);
  return map([
    ["flags", set(flags.map(bulk))],
    ["passwords", array(passwords.map(bulk))],
    ["commands", bulk(commands)],
    ["keys", bulk(keys)],
    ["channels", bulk(channels)],
    ["selectors", array([])],
  ]);
}

function categories({ args }: LocalCall): Reply {
  const [category, ...more] = args;
  if (category === undefined) return array(categoryNames.map(bulk));
  const commands = more.length === 0 ? commandsOf(`@${latin1(category).toLowerCase()}`) : undefined;
  if (commands === undefined) return err(`Unknown category '${quoted(category)}'`);
  return array(commands.map(({ name }) => bulk(name)));
}

function generatePassword({ args, connections }: LocalCall): Reply {
  const [wanted, ...more] = args;
  const text = wanted === undefined ? String(GENPASS_BITS_DEFAULT) : latin1(wanted);
  const bits = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (bits < 1 || bits > GENPASS_BITS_MAX || more.length > 0) return BAD_GENPASS;
  const digits = Math.ceil(bits / BITS_PER_HEX_DIGIT);
  const bytes = connections.access.secrets.randomBytes(Math.ceil(digits / 2));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return bulk(hex.slice(0, digits));
}

function dryRun({ args, connections }: LocalCall): Reply {
  const [userBytes, nameBytes, ...own] = args as [Uint8Array, Uint8Array, ...Uint8Array[]];
  const user = connections.access.users.get(latin1(userBytes));
  if (user === undefined) return err(`User '${quoted(userBytes)}' not found`);
  const command = commandByName(nameBytes);
  const [first] = own;
  const named: CommandSpec | undefined =
    command?.subcommands === undefined || first === undefined ? command : findSubcommand(command, first);
  if (named === undefined) return err(`Command '${quoted(nameBytes)}' not found`);
  if (!arityFits(named, own.length)) return wrongArity(named.name);
  const denial = denialOf(user, named, own);
  return denial === undefined ? OK : { type: "bulk", bytes: utf8Bytes(denialText(user, denial, true)) };
}

function logOf({ args, connections }: LocalCall): Reply {
  const { log } = connections.access;
  const text = args[0] === undefined ? String(LOG_SHOWN) : latin1(args[0]).toLowerCase();
  if (args.length > 1) return wrongArity("acl|log");
  if (text === "reset") {
    log.reset();
    return OK;
  }
  if (!/^\d{1,9}$/.test(text)) return NOT_AN_INTEGER;
  const nowMs = connections.facts.wallMs();
  return array(log.entries.slice(0, Number(text)).map((entry) => logEntry(entry, nowMs)));
}

const logEntry = (entry: AccessLogEntry, nowMs: number): Reply =>
  map([
    ["count", integer(entry.count)],
    ["reason", bulk(entry.reason)],
    ["context", bulk(entry.context)],
    ["object", bulk(entry.object)],
    ["username", bulk(entry.userName)],
    ["age-seconds", { type: "double", value: Math.max(0, nowMs - entry.updatedMs) / 1000 }],
    ["client-info", bulk(entry.client)],
    ["entry-id", integer(entry.id)],
    ["timestamp-created", integer(entry.createdMs)],
    ["timestamp-last-updated", integer(entry.updatedMs)],
  ]);

export const aclAnswers: Answers = {
  "acl|cat": categories,
  "acl|deluser": deleteUsers,
  "acl|dryrun": dryRun,
  "acl|genpass": generatePassword,
  "acl|getuser": getUser,
  "acl|list": ({ connections }) => array([...connections.access.users.values()].map((user) => bulk(userLine(user)))),
  "acl|load": () => NOTHING_TO_LOAD,
  "acl|log": logOf,
  "acl|save": () => OK,
  "acl|setuser": setUser,
  "acl|users": ({ connections }) => array([...connections.access.users.keys()].map(bulk)),
  "acl|whoami": ({ connection }) => bulk(connection.user?.name ?? DEFAULT_USER),
};
