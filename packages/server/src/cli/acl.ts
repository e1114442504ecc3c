import { RespError, type RespValue } from "@sherd/client";
import type { Command } from "commander";
import { latin1Bytes, SherdError, utf8 } from "../core/base/index.ts";
import { addCredentialOptions, type CredentialOptions, credentialsOf } from "./credentials.ts";
import { EXIT, type ExitCode, runSubcommand } from "./exit.ts";
import { parsePort, RESP_PORT_DEFAULT } from "./options.ts";
import { addTlsOptions, clientTls, type TlsOptions } from "./tls-options.ts";

interface AclOptions extends TlsOptions, CredentialOptions {
  readonly host: string;
  readonly port: number;
}

export function register(program: Command): void {
  const acl = program.command("acl").description("users of a running cluster (the rest: ACL over RESP)");
  addTlsOptions(addCredentialOptions(acl.command("load")))
    .description("make the users of an ACL file as they are there; others stay as they are")
    .argument("<file>", "a line `user NAME RULE ...` each, as in Redis' ACL files")
    .option("--host <name>", "host of any node", "127.0.0.1")
    .option("--port <number>", "a RESP port of it", parsePort, RESP_PORT_DEFAULT)
    .action((file: string, options: AclOptions) => runSubcommand(() => load(file, options)));
}

/** Passwords are hashed here: the cluster sees hashes only. */
async function load(file: string, options: AclOptions): Promise<ExitCode> {
  const { readAclFile } = await import("../daemon/users.ts");
  const { openConnection } = await import("./target/resp.ts");
  const users = readAclFile(file);
  const { host, port } = options;
  const connection = await openConnection({ host, port, tls: clientTls(options), credentials: credentialsOf(options) });
  try {
    for (const { name, rules } of users) {
      const words = ["reset", ...rules.split(" ")].map(latin1Bytes);
      mustBeOk(name, await connection.call(["ACL", "SETUSER", latin1Bytes(name), ...words]));
    }
  } finally {
    connection.destroy();
  }
  process.stdout.write(`${users.length} ${users.length === 1 ? "user is" : "users are"} in force\n`);
  return EXIT.ok;
}

function mustBeOk(name: string, reply: RespValue): void {
  if (reply === "OK") return;
  const why = reply instanceof RespError ? reply.message : "the answer is not OK";
  throw new SherdError("SHERD_OPERATION_FAILED", `user ${utf8(latin1Bytes(name))}: ${why}.`);
}
