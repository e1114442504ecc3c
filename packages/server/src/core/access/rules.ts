import { latin1, PASSWORD_BYTES_MAX, USER_NAME_BYTES_MAX } from "../base/index.ts";
import type { CommandSpec } from "../command/index.ts";
import { commandsOf } from "./known-commands.ts";
import type { Secrets } from "./secrets.ts";

const SYNTAX = "Syntax error";
const UNKNOWN = "Unknown command or category name in ACL";
const BAD_HASH = "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters";
const NO_SUCH_PASSWORD = "The password you are trying to remove from the user does not exist";
const PASSWORD_TOO_LONG = `A password has at most ${PASSWORD_BYTES_MAX} bytes`;
const AFTER_ALL_KEYS =
  "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. " +
  "Try 'resetkeys' to start with an empty list of patterns";
const AFTER_ALL_CHANNELS =
  "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any effect. " +
  "Try 'resetchannels' to start with an empty list of channels";

interface KeyRule {
  readonly text: string;
  read: boolean;
  write: boolean;
}

const HASH = /^[0-9a-f]{64}$/;
/** A line of rules is cut at spaces. */
const UNSPEAKABLE = /[\0-\x20\x7f]/;

/** The rules of one user while they are read and changed. Texts are latin1 of bytes. */
export class Rules {
  enabled = false;
  nopass = false;
  passwords: string[] = [];
  allKeys = false;
  keys: KeyRule[] = [];
  allChannels = false;
  channels: string[] = [];
  /** `+@all` or `-@all` first, then what differs from it, each name once, in the order in which it was said. */
  #commands: string[] = ["-@all"];

  /** Undefined: this version does not understand all of it. Commands that it does not have are passed over. */
  static read(text: string): Rules | undefined {
    const rules = new Rules();
    for (const word of text.split(" ")) {
      const problem = /^[+-]/.test(word) ? rules.#command(word, true) : rules.#modify(word);
      if (problem !== undefined) return undefined;
    }
    return rules;
  }

  /** One modifier of ACL SETUSER, without a password (`hidePassword`). What is wrong with it, if anything. */
  apply(text: string): string | undefined {
    if (/^[<>]/.test(text)) return PASSWORD_TOO_LONG;
    if (/^[+-]/.test(text)) return this.#command(text, false);
    return this.#modify(text);
  }

  get grantsEverything(): boolean {
    return this.allKeys && this.allChannels && this.#commands.length === 1 && this.#commands[0] === "+@all";
  }

  commands(): Set<CommandSpec> {
    const allowed = new Set<CommandSpec>();
    for (const rule of this.#commands) {
      for (const spec of commandsOf(rule.slice(1)) ?? []) {
        if (rule.startsWith("+")) allowed.add(spec);
        else allowed.delete(spec);
      }
    }
    return allowed;
  }

  /** The one spelling of these rules; `read` understands it. */
  toString(): string {
    const { flags, passwords, keys, channels, commands } = this.describe();
    return [
      ...flags,
      ...passwords.map((hash) => `#${hash}`),
      ...(keys === "" ? [] : [keys]),
      // Without it, an earlier `&*` of a line would still count.
      ...(this.allChannels ? [] : ["resetchannels"]),
      ...(channels === "" ? [] : [channels]),
      commands,
    ].join(" ");
  }

  describe(): {
    readonly flags: readonly string[];
    readonly passwords: readonly string[];
    readonly commands: string;
    readonly keys: string;
    readonly channels: string;
  } {
    const key = ({ text, read, write }: KeyRule): string =>
      // `~*` would mean more: that no pattern may follow.
      read && write && text !== "*" ? `~${text}` : `%${read ? "R" : ""}${write ? "W" : ""}~${text}`;
    return {
      flags: [this.enabled ? "on" : "off", ...(this.nopass ? ["nopass"] : [])],
      passwords: this.passwords,
      commands: this.#commands.join(" "),
      keys: this.allKeys ? "~*" : this.keys.map(key).join(" "),
      channels: this.allChannels ? "&*" : this.channels.map((text) => `&${text}`).join(" "),
    };
  }

  #modify(text: string): string | undefined {
    switch (text.toLowerCase()) {
      case "on":
        this.enabled = true;
        return undefined;
      case "off":
        this.enabled = false;
        return undefined;
      case "nopass":
        this.nopass = true;
        this.passwords = [];
        return undefined;
      case "resetpass":
        this.nopass = false;
        this.passwords = [];
        return undefined;
      case "allkeys":
      case "~*":
        this.allKeys = true;
        this.keys = [];
        return undefined;
      case "resetkeys":
        this.allKeys = false;
        this.keys = [];
        return undefined;
      case "allchannels":
      case "&*":
        this.allChannels = true;
        this.channels = [];
        return undefined;
      case "resetchannels":
        this.allChannels = false;
        this.channels = [];
        return undefined;
      case "allcommands":
        return this.#command("+@all", false);
      case "nocommands":
        return this.#command("-@all", false);
      case "reset":
        this.#reset();
        return undefined;
      // They mean nothing here: there is no RESTORE, and there are no selectors.
      case "sanitize-payload":
      case "skip-sanitize-payload":
      case "clearselectors":
        return undefined;
      default:
        return /^[#!]/.test(text) ? this.#password(text) : this.#pattern(text);
    }
  }

  #reset(): void {
    this.enabled = false;
    this.nopass = false;
    this.passwords = [];
    this.allKeys = false;
    this.keys = [];
    this.allChannels = false;
    this.channels = [];
    this.#commands = ["-@all"];
  }

  /** `#hash` and `!hash`. */
  #password(text: string): string | undefined {
    const hash = text.slice(1);
    if (!HASH.test(hash)) return BAD_HASH;
    if (text.startsWith("#")) {
      if (!this.passwords.includes(hash)) this.passwords.push(hash);
      this.nopass = false;
    } else {
      if (!this.passwords.includes(hash)) return NO_SUCH_PASSWORD;
      this.passwords = this.passwords.filter((other) => other !== hash);
    }
    return undefined;
  }

  /** `~pattern`, `%R~pattern`, `&pattern`; anything else is not known. */
  #pattern(text: string): string | undefined {
    if (UNSPEAKABLE.test(text)) return SYNTAX;
    if (text.startsWith("&")) {
      if (this.allChannels) return AFTER_ALL_CHANNELS;
      if (!this.channels.includes(text.slice(1))) this.channels.push(text.slice(1));
      return undefined;
    }
    const match = /^(?:%([rw]{1,2}))?~(.*)$/i.exec(text);
    if (match === null) return SYNTAX;
    const may = match[1]?.toLowerCase() ?? "rw";
    return this.#key(match[2] as string, may.includes("r"), may.includes("w"));
  }

  #key(text: string, read: boolean, write: boolean): string | undefined {
    if (this.allKeys) return AFTER_ALL_KEYS;
    const known = this.keys.find((key) => key.text === text);
    if (known === undefined) this.keys.push({ text, read, write });
    else {
      known.read ||= read;
      known.write ||= write;
    }
    return undefined;
  }

  /** `+get`, `-config|set`, `+@read`. `passing`: what is not known is kept, for versions that know it. */
  #command(text: string, passing: boolean): string | undefined {
    const sign = text.slice(0, 1);
    const name = text.slice(1).toLowerCase();
    if (name.endsWith("|") || UNSPEAKABLE.test(name)) return SYNTAX;
    if (!passing && commandsOf(name) === undefined) return UNKNOWN;
    if (name === "@all") {
      this.#commands = [`${sign}@all`];
      return undefined;
    }
    // What was said of the same name, or of a subcommand, counts no more.
    this.#commands = this.#commands.filter((rule, at) => {
      const said = rule.slice(1);
      return at === 0 || (said !== name && !said.startsWith(`${name}|`));
    });
    this.#commands.push(`${sign}${name}`);
    return undefined;
  }
}

/**
 * A modifier of ACL SETUSER with its password's hash (`>pw` is `#hash`, `<pw` is `!hash`), as latin1. Of a password that is
 * too long only the sign is left.
 */
export function hidePassword(modifier: Uint8Array, secrets: Secrets): string {
  const text = latin1(modifier);
  const sign = text.slice(0, 1);
  if (sign !== ">" && sign !== "<") return text;
  if (modifier.length - 1 > PASSWORD_BYTES_MAX) return sign;
  return (sign === ">" ? "#" : "!") + secrets.sha256Hex(modifier.subarray(1));
}

/** A name of a user as it is kept; undefined: it cannot be one. */
export function userName(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0 || bytes.length > USER_NAME_BYTES_MAX) return undefined;
  const name = latin1(bytes);
  return UNSPEAKABLE.test(name) ? undefined : name;
}
