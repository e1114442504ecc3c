import { PEER_SEED_REDIAL_MS, SEEDS_MAX, SherdError } from "../base/index.ts";
import type { Env } from "../env/index.ts";
import { isHost } from "./codec.ts";
import { Backoff } from "./link.ts";
import type { PeerAddress, PeerStream } from "./stream.ts";

interface Seed {
  readonly address: PeerAddress;
  readonly backoff: Backoff;
  stream: PeerStream | undefined;
  /** It led to this node itself. */
  self: boolean;
}

/** Addresses where somebody may know the others. They are asked while a node is missing, and then left alone. */
export class Seeds {
  readonly #seeds: readonly Seed[];

  /** Throws SHERD_CONFIG_INVALID. */
  constructor(env: Env, texts: readonly string[]) {
    if (texts.length > SEEDS_MAX) {
      throw new SherdError("SHERD_CONFIG_INVALID", `${texts.length} seeds are given, ${SEEDS_MAX} are allowed.`);
    }
    this.#seeds = texts.map((text) => ({
      address: parseSeed(text),
      backoff: new Backoff(env),
      stream: undefined,
      self: false,
    }));
  }

  dialDue(nowMs: number, dial: (address: PeerAddress) => PeerStream): void {
    for (const seed of this.#seeds) {
      if (seed.stream === undefined && !seed.self && nowMs >= seed.backoff.atMs) seed.stream = dial(seed.address);
    }
  }

  /** The stream led to this node itself: never again. */
  wasSelf(stream: PeerStream): void {
    const seed = this.#of(stream);
    if (seed !== undefined) seed.self = true;
  }

  /** The stream led to another node, which told what it knows. */
  answered(stream: PeerStream, nowMs: number): void {
    const seed = this.#of(stream);
    if (seed === undefined) return;
    seed.stream = undefined;
    seed.backoff.reset();
    seed.backoff.pause(nowMs, PEER_SEED_REDIAL_MS);
  }

  failed(stream: PeerStream, nowMs: number): void {
    const seed = this.#of(stream);
    if (seed === undefined) return;
    seed.stream = undefined;
    seed.backoff.failed(nowMs);
  }

  #of(stream: PeerStream): Seed | undefined {
    return this.#seeds.find((seed) => seed.stream === stream);
  }
}

function parseSeed(text: string): PeerAddress {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !isHost(host) || port < 1 || port > 65_535) {
    throw new SherdError("SHERD_CONFIG_INVALID", `The seed "${text}" is not of the form host:port.`);
  }
  return { host, port };
}
