import { RespError, type RespValue } from "./protocol/index.ts";

export const SLOT_COUNT = 16_384;

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Slots `from` to `to`, both inclusive, and who serves them. */
export interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly leader: Address;
  readonly replicas: readonly Address[];
}

/** `host:port`; an IPv6 host stands without brackets, as servers write it in redirections. */
export const addressName = (address: Address): string => `${address.host}:${address.port}`;

/** The reverse of `addressName`. A server leaves the host out when it means its own: then it is `defaultHost`. */
export function parseAddress(name: string, defaultHost: string): Address | undefined {
  const colon = name.lastIndexOf(":");
  const port = Number(name.slice(colon + 1));
  if (colon < 0 || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  return { host: colon === 0 ? defaultHost : name.slice(0, colon), port };
}

/** Which node serves which slot, as far as it is known. Mutable: MOVED corrects single slots, a fresh map replaces all. */
export class SlotMap {
  #owners: (Address | undefined)[] = new Array(SLOT_COUNT);
  #known = false;

  /** A whole map was seen (not only single slots from MOVED). */
  get known(): boolean {
    return this.#known;
  }

  owner(slot: number): Address | undefined {
    return this.#owners[slot];
  }

  /** One slot from a MOVED. */
  assign(slot: number, owner: Address): void {
    this.#owners[slot] = owner;
  }

  replace(ranges: readonly SlotRange[]): void {
    this.#owners = new Array(SLOT_COUNT);
    for (const range of ranges) this.#owners.fill(range.leader, range.from, range.to + 1);
    this.#known = true;
  }
}

const decoder = new TextDecoder();

function text(value: RespValue | undefined): string | undefined {
  if (typeof value === "string") return value;
  return value instanceof Uint8Array ? decoder.decode(value) : undefined;
}

function parseNode(value: RespValue | undefined, defaultHost: string): Address | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value as readonly RespValue[];
  const port = items[1];
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  // A null or empty host means: the host that was asked.
  return { host: text(items[0]) || defaultHost, port };
}

const isSlot = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value < SLOT_COUNT;

/**
 * The reply to CLUSTER SLOTS: `[[from, to, [host, port, id, ...], replica...], ...]`, the leader first.
 * Returns what is wrong as a text: an error reply, or a shape that is not this.
 */
export function parseClusterSlots(reply: RespValue, askedHost: string): SlotRange[] | string {
  if (reply instanceof RespError) return reply.message;
  if (!Array.isArray(reply)) return "the reply to CLUSTER SLOTS is not an array";
  const ranges: SlotRange[] = [];
  for (const entry of reply as readonly RespValue[]) {
    if (!Array.isArray(entry)) return "an entry of CLUSTER SLOTS is not an array";
    const [from, to, ...nodes] = entry as readonly RespValue[];
    const [leader, ...replicas] = nodes.map((node) => parseNode(node, askedHost));
    if (!isSlot(from) || !isSlot(to) || from > to || leader === undefined)
      return "an entry of CLUSTER SLOTS is malformed";
    ranges.push({ from, to, leader, replicas: replicas.filter((node) => node !== undefined) });
  }
  return ranges;
}
