import type { Reply } from "../../command/index.ts";
import type { Connection } from "../connection.ts";
import type { Connections } from "../connections.ts";
import type { Later } from "../later.ts";

/** A command that the connection answers itself. `args` are without the name (and without the subcommand's). */
export interface LocalCall {
  readonly args: readonly Uint8Array[];
  readonly connection: Connection;
  readonly connections: Connections;
}

/** `Later` only where the table says `waits`. */
export type Answer = (call: LocalCall) => Reply | Later;

/** By the command's full name: `ping`, `cluster|slots`. */
export type Answers = Readonly<Record<string, Answer>>;
