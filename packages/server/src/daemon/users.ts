import { readFileSync } from "node:fs";
import { changeRules, DEFAULT_USER, DEFAULT_USER_RULES, hidePassword, parseAclFile } from "../core/access/index.ts";
import { SherdError, utf8, utf8Bytes } from "../core/base/index.ts";
import type { Disk } from "../core/env/index.ts";
import { type ClusterMap, isUserList, type UserInfo, type UserList, usersProblem } from "../core/meta/index.ts";
import { hostSecrets } from "../host/secrets.ts";

/** Who may come in until the cluster has users of its own. */
export interface UserSettings {
  /** In the format of Redis' ACL files. */
  readonly aclFile?: string | undefined;
  /** Password of the default user. */
  readonly requirePass?: string | undefined;
}

/** The users that settings speak of; undefined: they speak of none. Throws SHERD_CONFIG_INVALID, which shows no password. */
export function usersOfSettings({ aclFile, requirePass }: UserSettings): readonly UserInfo[] | undefined {
  const users = aclFile === undefined ? undefined : readAclFile(aclFile);
  if (requirePass === undefined) return users;
  if (users?.some(({ name }) => name === DEFAULT_USER) === true) {
    throw new SherdError(
      "SHERD_CONFIG_INVALID",
      `requirePass is set, and ${aclFile} has a line for the default user: only one may be.`,
    );
  }
  const words = ["resetpass", hidePassword(utf8Bytes(`>${requirePass}`), hostSecrets)];
  const changed = changeRules(DEFAULT_USER_RULES, words);
  if ("problem" in changed) throw new SherdError("SHERD_CONFIG_INVALID", `requirePass: ${changed.problem}.`);
  return [...(users ?? []), { name: DEFAULT_USER, rules: changed.rules }];
}

/** Throws SHERD_CONFIG_INVALID, naming file and line. */
export function readAclFile(path: string): readonly UserInfo[] {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new SherdError("SHERD_CONFIG_INVALID", `${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  const parsed = parseAclFile(bytes, hostSecrets);
  if ("problem" in parsed) throw new SherdError("SHERD_CONFIG_INVALID", `${path}:${parsed.line}: ${parsed.problem}.`);
  const problem = usersProblem(parsed.users);
  if (problem !== undefined) throw new SherdError("SHERD_CONFIG_INVALID", `${path}: ${problem}.`);
  return parsed.users;
}

const FILE = "users";
const FORMAT = 1;

/**
 * The users that the node knew last, in its data directory: at a start they are in force before it has heard from the
 * others, so that nobody gets in through a node that does not hold the cluster map itself.
 */
export class SavedUsers {
  readonly #disk: Disk;
  #saved: UserList | undefined;

  /** Throws SHERD_DATA_FORMAT for a file that cannot be read: to pass it over would let everybody in. */
  constructor(disk: Disk) {
    this.#disk = disk;
    const bytes = disk.readFile(FILE);
    this.#saved = bytes === undefined ? undefined : decode(bytes);
  }

  /** The map that a node starts from, with the users that are in force: those saved, else those `given`. */
  startFrom(plan: ClusterMap, given: readonly UserInfo[] | undefined): ClusterMap {
    if (this.#saved !== undefined) return { ...plan, users: this.#saved };
    return given === undefined ? plan : { ...plan, users: { version: 0, list: given } };
  }

  /** Durable when it returns. Changes of users are rare. */
  onMap({ users }: ClusterMap): void {
    if (users === undefined || users.version <= (this.#saved?.version ?? 0)) return;
    this.#disk.writeFile(FILE, utf8Bytes(`${JSON.stringify({ format: FORMAT, ...users })}\n`));
    this.#saved = users;
  }
}

function decode(bytes: Uint8Array): UserList {
  const damaged = (why: string): SherdError =>
    new SherdError("SHERD_DATA_FORMAT", `The file ${FILE} in the data directory cannot be read (${why}).`);
  let plain: Partial<UserList> & { readonly format?: unknown };
  try {
    plain = JSON.parse(utf8(bytes)) as typeof plain;
  } catch {
    throw damaged("it is not JSON");
  }
  const { format, version, list } = plain;
  if (format !== FORMAT) throw damaged(`it has format ${String(format)}`);
  if (!Number.isSafeInteger(version) || !isUserList(list)) throw damaged("it holds no users");
  return { version: version as number, list };
}
