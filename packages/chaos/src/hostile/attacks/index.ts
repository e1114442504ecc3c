/** attacks: one file per kind; each counts how what it sent was taken. Capitals in an outcome mean that something is wrong. */
import type { Attack } from "../attack.ts";
import { connections } from "./connections.ts";
import { floods } from "./floods.ts";
import { otherPorts } from "./other-ports.ts";
import { respBytes } from "./resp-bytes.ts";

export const attacks: readonly Attack[] = [...respBytes, ...connections, ...floods, ...otherPorts];
