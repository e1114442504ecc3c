import { reasonOf, runCommand } from "./run-command.ts";

/** Of RFC 2544, for measurements between machines of one's own: no host of the internet has such an address. */
const NETWORK = "198.18";
const PREFIX_LENGTH = 24;
const THIRD_BYTES = 256;
/** Host bytes of the nodes' first and second addresses; a node that moves takes the other one. */
const FIRST_HOST = 10;
const SECOND_HOST = 110;
/** Of no card: the bridge sends frames to it to everybody, and nobody takes them. */
const NOBODY = "02:00:5e:00:00:00";
const DEVICE = "eth0";

interface Place {
  readonly namespace: string;
  /** The bridge's end of the node's cable. */
  readonly port: string;
  readonly addresses: readonly [string, string];
}

/**
 * A network namespace for each node, on one bridge; this process and its clients stay outside, at the bridge itself.
 *
 * A direction from one node to another is cut by a false entry in the sender's table of neighbours: what it sends leaves
 * and arrives nowhere, and nobody is told, as in a real network. (A blackhole route would tell the sender at once.)
 */
export class Namespaces {
  readonly #bridge: string;
  readonly #places: ReadonlyMap<string, Place>;
  readonly #cuts = new Set<string>();
  readonly #slow = new Set<string>();
  /** Why links cannot be made slow, if they cannot. */
  slowReason: string | undefined;

  private constructor(bridge: string, places: ReadonlyMap<string, Place>) {
    this.#bridge = bridge;
    this.#places = places;
  }

  /** `prefix`: begins every name; at most 10 characters, because devices have 15. The reason why not, as a text. */
  static async create(prefix: string, names: readonly string[]): Promise<Namespaces | string> {
    if (process.platform !== "linux") return "needs Linux";
    let network: Namespaces | undefined;
    try {
      const third = await freeThirdByte();
      const places = new Map(
        names.map((name, at): [string, Place] => [
          name,
          {
            namespace: `${prefix}-${at + 1}`,
            port: `${prefix}v${at + 1}`,
            addresses: [`${NETWORK}.${third}.${FIRST_HOST + at}`, `${NETWORK}.${third}.${SECOND_HOST + at}`],
          },
        ]),
      );
      network = new Namespaces(`${prefix}br`, places);
      await network.#build(`${NETWORK}.${third}.1`);
      return network;
    } catch (error) {
      await network?.dispose();
      return `network namespaces cannot be made: ${reasonOf(error)}`;
    }
  }

  /** `generation`: odd ones are the second address. */
  host(name: string, generation: number): string {
    return this.#place(name).addresses[generation % 2 === 0 ? 0 : 1];
  }

  runner(name: string): readonly string[] {
    return ["nsenter", `--net=/run/netns/${this.#place(name).namespace}`, "--"];
  }

  /** Nobody reaches the node any more, and it nobody. */
  async unplug(name: string): Promise<void> {
    await runCommand("ip", "link", "set", this.#place(name).port, "down");
  }

  async plug(name: string): Promise<void> {
    await runCommand("ip", "link", "set", this.#place(name).port, "up");
  }

  /** What `from` sends to `to` is lost, not what comes back. */
  async cut(from: string, to: string): Promise<void> {
    this.#cuts.add(`${from} ${to}`);
    for (const address of this.#place(to).addresses) {
      await this.#ip(from, "neigh", "replace", address, "lladdr", NOBODY, "dev", DEVICE, "nud", "permanent");
    }
  }

  async join(from: string, to: string): Promise<void> {
    if (!this.#cuts.delete(`${from} ${to}`)) return;
    for (const address of this.#place(to).addresses) await this.#ip(from, "neigh", "del", address, "dev", DEVICE);
  }

  async slowDown(name: string, delayMs: number, lossPercent: number): Promise<void> {
    const { namespace, port } = this.#place(name);
    const how = ["netem", "delay", `${delayMs}ms`, `${Math.ceil(delayMs / 2)}ms`, "loss", `${lossPercent}%`];
    this.#slow.add(name);
    await runCommand("tc", "qdisc", "replace", "dev", port, "root", ...how);
    await runCommand("tc", "-n", namespace, "qdisc", "replace", "dev", DEVICE, "root", ...how);
  }

  async speedUp(name: string): Promise<void> {
    if (!this.#slow.delete(name)) return;
    const { namespace, port } = this.#place(name);
    await runCommand("tc", "qdisc", "del", "dev", port, "root");
    await runCommand("tc", "-n", namespace, "qdisc", "del", "dev", DEVICE, "root");
  }

  /** Removes all of it, as far as it was made. The processes in it must be gone. */
  async dispose(): Promise<void> {
    const existing = await runCommand("ip", "netns", "list");
    const spaces = new Set(existing.split("\n").map((line) => line.split(" ")[0]));
    const links = new Set(await deviceNames());
    for (const { namespace, port } of this.#places.values()) {
      // Deleting one end deletes the cable.
      if (links.has(port)) await runCommand("ip", "link", "del", port);
      if (spaces.has(namespace)) await runCommand("ip", "netns", "del", namespace);
    }
    if (links.has(this.#bridge)) await runCommand("ip", "link", "del", this.#bridge);
  }

  async #build(own: string): Promise<void> {
    await runCommand("ip", "link", "add", this.#bridge, "type", "bridge");
    await runCommand("ip", "addr", "add", `${own}/${PREFIX_LENGTH}`, "dev", this.#bridge);
    await runCommand("ip", "link", "set", this.#bridge, "up");
    for (const [name, { namespace, port, addresses }] of this.#places) {
      await runCommand("ip", "netns", "add", namespace);
      await runCommand("ip", "link", "add", port, "type", "veth", "peer", "name", DEVICE, "netns", namespace);
      await runCommand("ip", "link", "set", port, "master", this.#bridge, "up");
      for (const address of addresses) {
        await this.#ip(name, "addr", "add", `${address}/${PREFIX_LENGTH}`, "dev", DEVICE);
      }
      await this.#ip(name, "link", "set", DEVICE, "up");
      await this.#ip(name, "link", "set", "lo", "up");
      // Who may make namespaces may still not be allowed to enter them with a process.
      const [program, ...args] = this.runner(name) as [string, ...string[]];
      await runCommand(program, ...args, "true");
    }
    const [first] = this.#places.keys();
    try {
      await this.slowDown(first as string, 1, 0);
      await this.speedUp(first as string);
    } catch (error) {
      this.slowReason = `tc netem is not there: ${reasonOf(error)}`;
      this.#slow.clear();
    }
  }

  async #ip(name: string, ...args: readonly string[]): Promise<void> {
    await runCommand("ip", "-n", this.#place(name).namespace, ...args);
  }

  #place(name: string): Place {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`no namespace for ${name}`);
    return place;
  }
}

async function deviceNames(): Promise<string[]> {
  const links = JSON.parse(await runCommand("ip", "-j", "link")) as { ifname: string }[];
  return links.map(({ ifname }) => ifname);
}

/** A network of 254 hosts that this machine does not use. */
async function freeThirdByte(): Promise<number> {
  const routes = await runCommand("ip", "-j", "route");
  for (let tries = 0; tries < THIRD_BYTES; tries += 1) {
    const third = Math.floor(Math.random() * THIRD_BYTES);
    if (!routes.includes(`${NETWORK}.${third}.`)) return third;
  }
  throw new Error(`all of ${NETWORK}.0.0/16 is in use`);
}
