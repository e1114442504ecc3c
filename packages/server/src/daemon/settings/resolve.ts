import { SherdError } from "../../core/base/index.ts";
import { type ConfigFile, readConfigFile, unknownSetting } from "./file.ts";
import { nearest } from "./nearest.ts";
import { fromText, isValue, judge, textOf } from "./schema.ts";
import {
  type CommandName,
  flagName,
  SETTINGS,
  type Setting,
  type SettingName,
  type SettingValues,
  settingNames,
  variableName,
} from "./table.ts";

/** Where a value was found. */
export type Source =
  | { readonly kind: "flag"; readonly flag: string }
  | { readonly kind: "environment"; readonly variable: string }
  | { readonly kind: "file"; readonly place: string }
  | { readonly kind: "default" };

/** A setting, its value (undefined: not set, and no single default), and where that comes from. */
export interface InForce {
  readonly name: SettingName;
  readonly value: unknown;
  readonly source: Source;
}

export interface Resolved {
  readonly command: CommandName;
  readonly values: SettingValues;
  readonly all: readonly InForce[];
  /** For a person: what looks like a mistake and may be none. */
  readonly warnings: readonly string[];
}

/** Names the file; it cannot stand in one. */
export const CONFIG_VARIABLE = "SHERD_CONFIG";

const PREFIX = "SHERD_";

/** Who asks, for `sherd get` and other commands that are clients. */
export const USER_VARIABLE = "SHERD_USER";
export const PASSWORD_VARIABLE = "SHERD_PASSWORD";
const CREDENTIAL_VARIABLES: readonly string[] = [USER_VARIABLE, PASSWORD_VARIABLE];

type Environment = Readonly<Record<string, string | undefined>>;

export interface Given {
  readonly command: CommandName;
  /** Only what was given. */
  readonly flags: SettingValues;
  readonly environment: Environment;
  /** Of `--config`. */
  readonly file?: string | undefined;
}

/** What is in force. Throws SHERD_CONFIG_INVALID that names everything that is wrong, a line each. */
export function resolveSettings(given: Given): Resolved {
  const { command, environment } = given;
  const path = given.file ?? (environment[CONFIG_VARIABLE] || undefined);
  const file: ConfigFile | undefined = path === undefined ? undefined : readConfigFile(path, command);
  const problems = [...(file?.problems ?? [])];
  const all = settingNames(command).map((name): InForce => {
    if (given.flags[name] !== undefined) {
      return { name, value: given.flags[name], source: { kind: "flag", flag: flagName(name) } };
    }
    const variable = variableName(name);
    // Compose files and shells hand on variables that are empty because they were not set.
    const text = environment[variable];
    if (text !== undefined && text !== "") {
      const judged = fromText(name, text);
      if (isValue(judged)) return { name, value: judged.value, source: { kind: "environment", variable } };
      problems.push(`${variable}: ${judged.problem}`);
    }
    const found = file?.values.get(name);
    if (found !== undefined) return { name, value: found.value, source: { kind: "file", place: found.place } };
    return { name, value: (SETTINGS[name] as Setting).default, source: { kind: "default" } };
  });
  if (problems.length > 0) throw invalid(problems);
  const set = all.filter(({ value }) => value !== undefined).map(({ name, value }) => [name, value]);
  return { command, values: Object.fromEntries(set) as SettingValues, all, warnings: warningsOf(environment) };
}

const sentence = (problem: string): string => (problem.endsWith("?") ? problem : `${problem}.`);

const invalid = (problems: readonly string[]): SherdError =>
  new SherdError(
    "SHERD_CONFIG_INVALID",
    problems.length === 1 ? sentence(problems[0] as string) : `\n  ${problems.join("\n  ")}\n`,
  );

/** Not an error: whoever shares the environment may use the prefix, too. */
function warningsOf(environment: Environment): string[] {
  const known = [...settingNames().map(variableName), CONFIG_VARIABLE, ...CREDENTIAL_VARIABLES];
  const warnings: string[] = [];
  for (const [variable, text] of Object.entries(environment)) {
    if (!variable.startsWith(PREFIX) || known.includes(variable) || isServiceLink(variable, text ?? "")) continue;
    const meant = nearest(variable.slice(PREFIX.length), settingNames());
    const hint = meant === undefined ? "it is ignored" : `did you mean ${variableName(meant)}?`;
    warnings.push(`${variable} is not a setting; ${hint}`);
  }
  return warnings;
}

/** Kubernetes gives every container the addresses of a service that is called sherd, or sherd-something. */
const isServiceLink = (variable: string, text: string): boolean =>
  /_SERVICE_(?:HOST|PORT)(?:_[A-Z0-9_]+)?$|_PORT_\d+_(?:TCP|UDP)(?:_(?:PROTO|PORT|ADDR))?$/.test(variable) ||
  /^(?:tcp|udp):\/\//.test(text);

/** Throws SHERD_CONFIG_INVALID that names what is missing. */
export function requireSettings({ command, values, warnings }: Resolved): void {
  const missing = settingNames(command).filter(
    (name) => SETTINGS[name].requiredBy === command && values[name] === undefined,
  );
  if (missing.length === 0) return;
  const lines = missing.map((name) => `${name} is not set: give ${flagName(name)}, ${variableName(name)} or a file`);
  // Perhaps it was said by another name.
  throw invalid([...lines, ...warnings]);
}

/**
 * The environment of the nodes that `sherd start` runs: what was said for all of them, and nothing that was meant for
 * the cluster. In variables, because command lines are shown to every user of a machine.
 */
export function handedOn(resolved: Resolved, environment: Environment): Record<string, string | undefined> {
  const own: Record<string, string | undefined> = { ...environment };
  for (const name of settingNames()) delete own[variableName(name)];
  delete own[CONFIG_VARIABLE];
  for (const { name, value, source } of resolved.all) {
    const setting: Setting = SETTINGS[name];
    if (source.kind === "default" || setting.eachNode === true || !setting.commands.includes("node")) continue;
    own[variableName(name)] = textOf(value);
  }
  return own;
}

export function sourceText(source: Source): string {
  switch (source.kind) {
    case "flag":
      return source.flag;
    case "environment":
      return source.variable;
    case "file":
      return source.place;
    default:
      return "default";
  }
}

/** Values that a program gives. Throws SHERD_CONFIG_INVALID that names everything that is wrong. */
export function checkSettings(given: SettingValues): SettingValues {
  const problems: string[] = [];
  const values: [string, unknown][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const known = settingNames().find((setting) => setting === name);
    const judged = known === undefined ? { problem: unknownSetting(name, "node") } : judge(known, value);
    if (isValue(judged)) values.push([name, judged.value]);
    else problems.push(known === undefined ? judged.problem : `${name}: ${judged.problem}`);
  }
  if (problems.length > 0) throw invalid(problems);
  return Object.fromEntries(values) as SettingValues;
}
