import { type Command, InvalidArgumentError, Option } from "commander";
import {
  CONFIG_VARIABLE,
  type CommandName,
  defaultText,
  flagName,
  flagUsage,
  fromText,
  helpOf,
  isValue,
  type Resolved,
  resolveSettings,
  SETTINGS,
  type Setting,
  type SettingName,
  type SettingValues,
  settingNames,
} from "../daemon/settings/index.ts";

/** What commander makes of the flags of the table: only what was given is there. */
export interface SettingFlags extends SettingValues {
  readonly config?: string;
}

/** Adds a flag for each of the settings, and `--config`. */
export function addSettingFlags(command: Command, names: readonly SettingName[], meant: CommandName): Command {
  command.option("--config <path>", `a file with settings (environment: ${CONFIG_VARIABLE}); flags weigh more`);
  for (const name of names) {
    const setting: Setting = SETTINGS[name];
    // The default is not given to commander: what it knows would be taken for what was said.
    const option = new Option(flagUsage(name), withDefault(helpOf(name, meant), name, meant));
    if (setting.type === "boolean") {
      command.addOption(option);
      command.addOption(new Option(flagName(name).replace("--", "--no-")).hideHelp());
    } else {
      command.addOption(option.argParser((text) => parse(name, text)));
    }
  }
  return command;
}

function withDefault(help: string, name: SettingName, meant: CommandName): string {
  if (SETTINGS[name].requiredBy === meant) return `${help} (required)`;
  const text = defaultText(name, meant);
  return text === undefined ? help : `${help} (default: ${text})`;
}

function parse(name: SettingName, text: string): unknown {
  const judged = fromText(name, text);
  if (isValue(judged)) return judged.value;
  throw new InvalidArgumentError(`${judged.problem[0]?.toUpperCase()}${judged.problem.slice(1)}.`);
}

/** What is in force. Throws SHERD_CONFIG_INVALID. */
export function settingsOf(command: CommandName, options: SettingFlags): Resolved {
  const known = settingNames(command);
  const flags = Object.fromEntries(Object.entries(options).filter(([name]) => known.includes(name as SettingName)));
  return resolveSettings({ command, flags, environment: process.env, file: options.config });
}

/** Of a command that has no log. */
export function printWarnings({ warnings }: Resolved): void {
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
}
