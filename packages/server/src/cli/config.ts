import { Argument, type Command } from "commander";
import {
  type CommandName,
  defaultText,
  flagName,
  type InForce,
  type Resolved,
  SETTINGS,
  type SettingName,
  settingNames,
  sourceText,
  textOf,
} from "../daemon/settings/index.ts";
import { EXIT, runSubcommand } from "./exit.ts";
import { addSettingFlags, printWarnings, type SettingFlags, settingsOf } from "./settings.ts";
import { table } from "./text-table.ts";

interface ConfigOptions extends SettingFlags {
  readonly json?: boolean;
}

export function register(program: Command): void {
  const config = program
    .command("config")
    .description("print the settings that are in force, and where each comes from; takes the flags of the command")
    .addArgument(new Argument("[command]", "whose settings").choices(["node", "start"]).default("node"));
  addSettingFlags(config, settingNames(), "node")
    .option("--json", "print JSON")
    .action((command: CommandName, options: ConfigOptions) =>
      runSubcommand(async () => {
        const foreign = settingNames().find(
          (name) => options[name] !== undefined && !SETTINGS[name].commands.includes(command),
        );
        if (foreign !== undefined) config.error(`error: ${flagName(foreign)} is not a flag of \`sherd ${command}\``);
        const resolved = settingsOf(command, options);
        printWarnings(resolved);
        process.stdout.write(options.json === true ? asJson(resolved) : asText(resolved));
        return EXIT.ok;
      }),
    );
}

/** `sherd config` for a person. */
export function asText(resolved: Resolved): string {
  const rows = resolved.all.map((one) => [one.name, shown(one, resolved.command), sourceText(one.source)]);
  return `${table([["SETTING", "VALUE", "FROM"], ...rows]).join("\n")}\n`;
}

/** `sherd config --json`: by name, `value` (null: not set; absent: secret) and `from`. */
export function asJson(resolved: Resolved): string {
  const byName: Partial<Record<SettingName, object>> = {};
  for (const { name, value, source } of resolved.all) {
    byName[name] =
      SETTINGS[name].secret === true ? { secret: true, from: source } : { value: value ?? null, from: source };
  }
  return `${JSON.stringify({ command: resolved.command, settings: byName }, undefined, 2)}\n`;
}

function shown({ name, value }: InForce, command: CommandName): string {
  if (value === undefined) return `(${defaultText(name, command) ?? "not set"})`;
  return SETTINGS[name].secret === true ? "(secret)" : textOf(value);
}
