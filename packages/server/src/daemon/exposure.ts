import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { SherdError } from "../core/base/index.ts";
import type { TlsSettings } from "./tls.ts";

const loopback = new BlockList();
loopback.addSubnet("127.0.0.0", 8, "ipv4");
loopback.addAddress("::1", "ipv6");

export interface Exposure {
  readonly listenHost: string;
  readonly tls?: TlsSettings | undefined;
  /** Clients must name themselves with a password. */
  readonly passwords?: boolean | undefined;
  /** Whoever started the node answers for the network. */
  readonly insecure?: boolean | undefined;
}

/**
 * Refuses to listen where strangers may come, without anything that keeps them out. Between nodes only certificates do: who
 * gets through there reads and writes everything, past all users. Throws SHERD_INSECURE.
 */
export async function checkExposure({ listenHost, tls, passwords, insecure }: Exposure): Promise<void> {
  const clientsOpen = tls?.clients === undefined && passwords !== true;
  const peersOpen = tls?.peers === undefined;
  if (insecure === true || (!clientsOpen && !peersOpen) || (await isLoopback(listenHost))) return;
  const open: string[] = [];
  if (clientsOpen) open.push("the ports for clients have neither TLS nor users with passwords");
  if (peersOpen)
    open.push("the port for nodes has no TLS (peerTlsCert, peerTlsKey and peerTlsCa, or tlsCa with tlsCert)");
  throw new SherdError(
    "SHERD_INSECURE",
    `This node would listen on ${listenHost}, beyond this machine, and ${open.join(", and ")}.`,
  );
}

/** Whether only this machine reaches the host. A name that does not resolve cannot be listened on either. */
async function isLoopback(host: string): Promise<boolean> {
  const addresses = isIP(host) === 0 ? await lookup(host, { all: true }).catch(() => []) : [{ address: host }];
  return (
    addresses.length > 0 &&
    addresses.every(({ address }) => loopback.check(address, isIP(address) === 6 ? "ipv6" : "ipv4"))
  );
}
