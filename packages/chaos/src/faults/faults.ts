import { setTimeout as sleep } from "node:timers/promises";
import { DISK_RESERVE_BYTES } from "sherd/core/base";
import type { Ground, Namespaces, SmallDisk } from "../ground/index.ts";
import type { Nodes } from "./nodes.ts";
import { describeFault, type Fault, type Round } from "./schedule.ts";

/** A node that looks at its disk then refuses what adds data. */
const NEARLY_FULL_BYTES: number = DISK_RESERVE_BYTES / 2;

/** What a node whose disk was full may take from the failed write to the end of its process. */
const DYING_MS = 3_000;

export interface Injected {
  readonly fault: Fault;
  readonly fromMs: number;
  /** When the node served again, or the link was whole. */
  untilMs: number;
}

/** Makes faults happen, and ends each one, whatever comes between. */
export class Faults {
  readonly #nodes: Nodes;
  readonly #ground: Ground;
  readonly #nowMs: () => number;
  readonly #print: (line: string) => void;
  readonly injected: Injected[] = [];

  constructor(nodes: Nodes, ground: Ground, nowMs: () => number, print: (line: string) => void) {
    this.#nodes = nodes;
    this.#ground = ground;
    this.#nowMs = nowMs;
    this.#print = print;
  }

  /** Resolves when all of its faults have ended. `stop` ends them early; nothing begins then. */
  async run(round: Round, stop: AbortSignal): Promise<void> {
    await pause(round.pauseMs, stop);
    const results = await Promise.allSettled(round.faults.map((fault) => this.#run(fault, stop)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #run(fault: Fault, stop: AbortSignal): Promise<void> {
    await pause(fault.afterMs, stop);
    if (stop.aborted) return;
    const injected: Injected = { fault, fromMs: this.#nowMs(), untilMs: Number.POSITIVE_INFINITY };
    this.injected.push(injected);
    this.#print(describeFault(fault));
    try {
      await this.#inject(fault, () => pause(fault.forMs, stop));
    } finally {
      injected.untilMs = this.#nowMs();
    }
  }

  async #inject(fault: Fault, hold: () => Promise<void>): Promise<void> {
    switch (fault.kind) {
      case "kill":
      case "addresses":
        await this.#nodes.kill(fault.node);
        if (fault.kind === "addresses") await this.#nodes.move(fault.node);
        await hold();
        return this.#nodes.start(fault.node);
      case "pause":
        this.#nodes.signal(fault.node, "SIGSTOP");
        await hold();
        return this.#nodes.signal(fault.node, "SIGCONT");
      case "restart-all":
        await Promise.all(this.#nodes.names.map((name) => this.#nodes.kill(name)));
        if (fault.moves) await this.#nodes.moveAll();
        await hold();
        return this.#nodes.startAll();
      case "disk":
        return this.#fill(this.#ground.disk as SmallDisk, fault.node, fault.brim, hold);
      default:
        return this.#part(this.#ground.network as Namespaces, fault, hold);
    }
  }

  async #fill(disk: SmallDisk, node: string, brim: boolean, hold: () => Promise<void>): Promise<void> {
    // A log or a store that cannot write ends its process, and a launcher would start it again.
    this.#nodes.excuse(node);
    try {
      await disk.fill(brim ? 0 : NEARLY_FULL_BYTES);
      await hold();
    } finally {
      disk.free();
    }
    if (await this.#nodes.hasEnded(node, DYING_MS, "SHERD_DISK_FULL"))
      this.#print(`${node} had ended on its full disk`);
    await this.#nodes.start(node);
  }

  async #part(
    network: Namespaces,
    fault: Extract<Fault, { kind: "unplug" | "cut-off" | "one-way" | "slow" }>,
    hold: () => Promise<void>,
  ): Promise<void> {
    const { node } = fault;
    const others = this.#nodes.names.filter((name) => name !== node);
    switch (fault.kind) {
      case "unplug":
        await network.unplug(node);
        await hold();
        return network.plug(node);
      case "cut-off":
        for (const other of others) await Promise.all([network.cut(node, other), network.cut(other, node)]);
        await hold();
        for (const other of others) await Promise.all([network.join(node, other), network.join(other, node)]);
        return;
      case "one-way":
        await network.cut(node, fault.to);
        await hold();
        return network.join(node, fault.to);
      case "slow":
        await network.slowDown(node, fault.delayMs, fault.lossPercent);
        await hold();
        return network.speedUp(node);
    }
  }
}

/** Ends early, without an error, when stopped. */
async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch((error: unknown) => {
    if (!stop.aborted) throw error;
  });
}
