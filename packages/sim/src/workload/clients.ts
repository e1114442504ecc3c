import type { Machine } from "../node/index.ts";
import type { World } from "../world/index.ts";
import { Client } from "./client.ts";
import type { Recorder } from "./recorder.ts";
import { StaleReader } from "./stale-reader.ts";
import { Surveyor } from "./surveyor.ts";
import { type Mixture, WORKLOADS, type Workload } from "./wanted.ts";

/** How many clients there are and how large what they do is. */
export interface Load {
  readonly clients: number;
  readonly hotKeys: number;
  readonly wideKeys: number;
  readonly longValueBytes: number;
  readonly longValueProbability: number;
}

/** The clients of one run, of habits drawn from its seed. */
export function makeClients(
  world: World,
  machines: readonly Machine[],
  recorder: Recorder,
  load: Load,
): (Client | StaleReader | Surveyor)[] {
  const random = world.random.stream("clients");
  const weights = Object.fromEntries(
    WORKLOADS.map((workload) => [workload, random.chance(0.6) ? random.fraction() : 0]),
  ) as Record<Workload, number>;
  weights.registers = Math.max(weights.registers, 0.3);
  const surveys = random.chance(0.6);
  const flushes = surveys && random.chance(0.4);
  // Each of their answers says how many there were before it, since the beginning.
  if (flushes) weights.counters = weights.lists = 0;
  const crowded = random.chance(0.3);
  const { hotKeys, wideKeys, longValueBytes, longValueProbability } = load;
  const clients: (Client | StaleReader | Surveyor)[] = Array.from({ length: load.clients }, (_, at) => {
    const mixture: Mixture = {
      weights,
      hotProbability: random.chance(0.5) ? 0.8 : 0.2,
      hotKeys,
      wideKeys,
      crowded,
      longValueBytes,
      longValueProbability,
    };
    const habits = {
      redirect: random.chance(0.4),
      pipelineMax: random.chance(0.5) ? 1 : 4,
      thinkMs: [1, random.chance(0.5) ? 40 : 150] as const,
      mixture,
    };
    return new Client(`c${at + 1}`, world, machines, recorder, habits);
  });
  const readers = random.chance(0.5) ? 1 + random.below(2) : 0;
  for (let at = 1; at <= readers; at += 1) {
    clients.push(new StaleReader(`s${at}`, world, machines, recorder, hotKeys));
  }
  if (surveys) clients.push(new Surveyor("k1", world, machines, recorder, flushes));
  return clients;
}
