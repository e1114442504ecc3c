import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import { SherdError } from "../../core/base/index.ts";
import { nearest } from "./nearest.ts";
import { isValue, judge } from "./schema.ts";
import { type CommandName, SETTINGS, type SettingName, settingNames } from "./table.ts";

export interface FileValue {
  readonly value: unknown;
  /** `sherd.yaml:3:11` */
  readonly place: string;
}

/** What a configuration file says, and what is wrong with it, line by line. */
export interface ConfigFile {
  readonly path: string;
  readonly values: ReadonlyMap<SettingName, FileValue>;
  readonly problems: readonly string[];
}

/** Far beyond what all settings take. */
const FILE_BYTES_MAX = 1024 * 1024;

/** Throws SHERD_CONFIG_INVALID when it cannot be read. */
export function readConfigFile(path: string, command: CommandName): ConfigFile {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > FILE_BYTES_MAX) throw new Error(`it has ${size} bytes, and ${FILE_BYTES_MAX} are allowed`);
    text = decoded(readFileSync(path));
  } catch (cause) {
    throw new SherdError("SHERD_CONFIG_INVALID", `${path} cannot be read: ${(cause as Error).message}.`, { cause });
  }
  return parseConfigFile(text, path, command);
}

/** Throws at bytes that are not UTF-8: replaced silently, they would become part of a name or a password. */
function decoded(bytes: Uint8Array): string {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  try {
    return utf8.decode(bytes);
  } catch {
    // A line feed is never part of another character, so lines can be judged one by one.
    for (let line = 1, start = 0; start <= bytes.length; line++) {
      const feed = bytes.indexOf(0x0a, start);
      const end = feed < 0 ? bytes.length : feed;
      try {
        utf8.decode(bytes.subarray(start, end));
      } catch {
        throw new Error(`line ${line} is not UTF-8`);
      }
      start = end + 1;
    }
    throw new Error("it is not UTF-8");
  }
}

function parseConfigFile(text: string, path: string, command: CommandName): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const values = new Map<SettingName, FileValue>();
  const problems: string[] = [];
  const placeOf = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  for (const error of document.errors) {
    const what =
      error.code === "DUPLICATE_KEY" ? "this setting stands here a second time" : `not YAML: ${error.message}`;
    problems.push(`${placeOf(error.pos[0])}: ${what}`);
  }
  const { contents } = document;
  if (problems.length > 0 || contents === null || (isScalar(contents) && contents.value === null)) {
    return { path, values, problems };
  }
  if (!isMap(contents)) {
    problems.push(`${placeOf(contents.range?.[0] ?? 0)}: lines such as \`cacheMib: 128\` are wanted`);
    return { path, values, problems };
  }
  for (const { key, value } of contents.items) {
    const keyOffset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
    const text = String(isScalar(key) ? key.value : key);
    const name = settingNames().find((known) => known === text);
    if (name === undefined) {
      problems.push(`${placeOf(keyOffset)}: ${unknownSetting(text, command)}`);
      continue;
    }
    if (!SETTINGS[name].commands.includes(command)) {
      problems.push(`${placeOf(keyOffset)}: ${name} is a setting of \`sherd ${SETTINGS[name].commands[0]}\` only`);
      continue;
    }
    const place = placeOf((value as { range?: [number, number, number] } | null)?.range?.[0] ?? keyOffset);
    const judged = judge(name, (value as { toJS?: (from: unknown) => unknown } | null)?.toJS?.(document) ?? null);
    if (isValue(judged)) values.set(name, { value: inFileDirectory(name, judged.value, path), place });
    else problems.push(`${place}: ${name}: ${judged.problem}`);
  }
  return { path, values, problems };
}

export function unknownSetting(text: string, command: CommandName): string {
  const meant = nearest(text, settingNames(command));
  return `there is no setting ${JSON.stringify(text)}${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}

/** A path in a file means the same wherever the program is started. */
const inFileDirectory = (name: SettingName, value: unknown, path: string): unknown =>
  SETTINGS[name].type === "path" ? resolve(dirname(path), value as string) : value;
