/** attacks: a file per kind. Each counts how what it sent was taken, and says which of that must not be. */
import type { Attack } from "../attack.ts";
import { connections } from "./connections.ts";
import { costlyAttacks } from "./costly.ts";
import { floods } from "./floods.ts";
import { otherPorts } from "./other-ports.ts";
import { respBytes } from "./resp-bytes.ts";

export const attacks: readonly Attack[] = [...respBytes, ...connections, ...floods, ...costlyAttacks, ...otherPorts];
