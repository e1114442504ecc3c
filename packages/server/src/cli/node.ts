import { type Command, Option } from "commander";
import { SherdError } from "../core/base/index.ts";
import { nodeOptions } from "../daemon/node-options.ts";
import { requireSettings, settingNames } from "../daemon/settings/index.ts";
import { addSettingFlags, type SettingFlags, settingsOf } from "./settings.ts";

interface NodeCommandOptions extends SettingFlags {
  readonly supervised?: boolean;
}

export function register(program: Command): void {
  const node = program
    .command("node")
    .description("run one node of a cluster in the foreground (exit code 3: refused, starting again changes nothing)");
  addSettingFlags(node, settingNames("node"), "node")
    .addOption(new Option("--supervised").hideHelp())
    .action(async (options: NodeCommandOptions) => {
      const { EXIT_REFUSED, runNode } = await import("../daemon/index.ts");
      try {
        const resolved = settingsOf("node", options);
        requireSettings(resolved);
        const { startNode } = await import("../daemon/compose.ts");
        await runNode(
          { ...nodeOptions(resolved.values, options.supervised === true), warnings: resolved.warnings },
          startNode,
        );
      } catch (error) {
        if (!(error instanceof SherdError)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = EXIT_REFUSED;
      }
    });
}
