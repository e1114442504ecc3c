import type { Command } from "commander";
import { SherdError } from "../core/base/index.ts";
import { PASSWORD_VARIABLE, USER_VARIABLE } from "../daemon/settings/index.ts";

/** Who a subcommand is for the store. */
export interface CredentialOptions {
  readonly user?: string;
  readonly password?: string;
}

export interface Credentials {
  readonly username: string;
  readonly password: string;
}

const USER_DEFAULT = "default";

export function addCredentialOptions(command: Command): Command {
  return command
    .option("--user <name>", `whose password it is (default: ${USER_VARIABLE}, else ${USER_DEFAULT})`)
    .option(
      "--password <text>",
      `where the store wants one (default: ${PASSWORD_VARIABLE}, which other users of this machine cannot see in \`ps\`)`,
    );
}

/** Undefined: as nobody in particular. Throws SHERD_CONFIG_INVALID for a user without a password. */
export function credentialsOf(
  { user, password }: CredentialOptions,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Credentials | undefined {
  const given = password ?? environment[PASSWORD_VARIABLE];
  if (given !== undefined && given !== "") {
    return { username: user ?? (environment[USER_VARIABLE] || USER_DEFAULT), password: given };
  }
  if (user === undefined) return undefined;
  throw new SherdError(
    "SHERD_CONFIG_INVALID",
    `--user needs a password: set ${PASSWORD_VARIABLE}, or give --password.`,
  );
}

/** As HTTP and gRPC carry it. */
export const basicAuthorization = ({ username, password }: Credentials): string =>
  `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
