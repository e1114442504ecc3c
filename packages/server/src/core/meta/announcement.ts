import { fromJson } from "./json.ts";
import type { NodeAddresses, NodeInfo } from "./types.ts";

const PORTS = [
  "peerPort",
  "respPort",
  "clusterPort",
  "grpcPort",
  "httpPort",
] as const satisfies (keyof NodeAddresses)[];
const PORT_MAX = 0xffff;

/**
 * What a node says of itself, from an entry of the meta group. Undefined: no node wrote this. Checked before it is
 * proposed, because a replica that met it in an entry could only stop.
 */
export function decodeAnnouncement(bytes: Uint8Array): NodeInfo | undefined {
  const plain = fromJson(bytes);
  return isNodeInfo(plain) ? plain : undefined;
}

function isNodeInfo(plain: unknown): plain is NodeInfo {
  if (typeof plain !== "object" || plain === null) return false;
  const { id, name, addresses, bootCounter, directory } = plain as Partial<Record<keyof NodeInfo, unknown>>;
  if (typeof id !== "string" || typeof name !== "string") return false;
  if (directory !== undefined && typeof directory !== "string") return false;
  return isCount(bootCounter, Number.MAX_SAFE_INTEGER) && isAddresses(addresses);
}

function isAddresses(plain: unknown): boolean {
  if (typeof plain !== "object" || plain === null) return false;
  const addresses = plain as Partial<Record<keyof NodeAddresses, unknown>>;
  return typeof addresses.host === "string" && PORTS.every((port) => isCount(addresses[port], PORT_MAX));
}

const isCount = (value: unknown, max: number): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= max;
