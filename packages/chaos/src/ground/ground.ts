import { Namespaces } from "./namespaces.ts";
import { SmallDisk } from "./small-disk.ts";

export interface GroundWishes {
  /** Begins every name that the system is given. */
  readonly prefix: string;
  readonly names: readonly string[];
  readonly disk: boolean;
  readonly partition: boolean;
}

/** What the nodes stand on: their network, and the disk of one of them. */
export class Ground {
  readonly network: Namespaces | undefined;
  readonly disk: SmallDisk | undefined;
  /** Its data lies on the small disk. */
  readonly diskNode: string;
  /** What was wished for and cannot be done here, each with its reason. */
  readonly skipped: readonly string[];
  readonly #names: readonly string[];

  private constructor(
    wishes: GroundWishes,
    network: Namespaces | undefined,
    disk: SmallDisk | undefined,
    skipped: string[],
  ) {
    this.#names = wishes.names;
    this.network = network;
    this.disk = disk;
    this.diskNode = wishes.names.at(-1) as string;
    this.skipped = skipped;
  }

  static async prepare(wishes: GroundWishes): Promise<Ground> {
    const skipped: string[] = [];
    const made = <T extends object>(what: string, result: T | string): T | undefined => {
      if (typeof result !== "string") return result;
      skipped.push(`${what}: ${result}`);
      return undefined;
    };
    const network = wishes.partition
      ? made("partition", await Namespaces.create(wishes.prefix, wishes.names))
      : undefined;
    if (network?.slowReason !== undefined) skipped.push(`slow links: ${network.slowReason}`);
    const disk = wishes.disk ? made("disk", await SmallDisk.mount(wishes.prefix)) : undefined;
    return new Ground(wishes, network, disk, skipped);
  }

  /** Where a node listens; it has two addresses, and takes the other one when it moves. */
  host(name: string, generation: number): string {
    if (this.network !== undefined) return this.network.host(name, generation);
    // Only Linux answers on all of 127.0.0.0/8.
    if (process.platform !== "linux") return "127.0.0.1";
    return `127.0.${generation % 2}.${this.#names.indexOf(name) + 1}`;
  }

  runner(name: string): readonly string[] {
    return this.network?.runner(name) ?? [];
  }

  /** The processes on it must be gone. */
  async dispose(): Promise<void> {
    try {
      await this.network?.dispose();
    } finally {
      await this.disk?.unmount();
    }
  }
}
