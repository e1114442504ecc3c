import { type GroupId, groupId, index, type ReplicaId, replicaId, SherdError } from "../../base/index.ts";
import type { Pins, SnapshotReader, Space, SpaceOwner } from "../index.ts";
import { Fatal, row, slotOf, textOf, type World } from "./world.ts";

export const GROUP: GroupId = groupId(7);
export const REPLICA: ReplicaId = replicaId(70);
export const NO_SYSTEM: ReadonlyMap<string, Uint8Array> = new Map();

export function makeSpace(world: World, group = GROUP): Space {
  const store = world.store ?? world.open();
  return world.get<Space>((done) => store.createSpace(group, REPLICA, NO_SYSTEM, done));
}

export function put(space: Space, at: number, changes: Record<string, string | null>): void {
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) space.delete(slotOf(key), key);
    else space.put(slotOf(key), key, row(value, at));
  }
  space.applied(index(at));
}

export const peek = (space: Space, key: string): string | null | undefined => textOf(space.get(slotOf(key), key));

/** Makes the rows resident and reads them. */
export function read(world: World, space: Space, ...keys: string[]): (string | null | undefined)[] {
  const pins = world.get<Pins>((done) =>
    space.fetch(
      keys.map((key) => ({ slot: slotOf(key), key })),
      done,
    ),
  );
  const values = keys.map((key) => peek(space, key));
  pins.release();
  return values;
}

export const flush = (world: World): void => world.done((done) => world.store?.flush(done));

export function spaceOf(world: World, group = GROUP): Space {
  const space = world.open().spaces.find((candidate) => candidate.group === group);
  if (space === undefined) throw new Error(`no space of group ${group}`);
  return space;
}

export function fatalOf(body: () => void): SherdError {
  try {
    body();
  } catch (thrown) {
    if (thrown instanceof Fatal && thrown.error instanceof SherdError) return thrown.error;
    throw thrown;
  }
  throw new Error("nothing fatal happened");
}

export class Owner implements SpaceOwner {
  readonly durable: number[] = [];
  readonly damaged: SherdError[] = [];
  freeze: () => void = () => undefined;
  onFreeze(): void {
    this.freeze();
  }
  onDurable(applied: number): void {
    this.durable.push(applied);
  }
  onDamaged(error: SherdError): void {
    this.damaged.push(error);
  }
}

/** All chunks of a snapshot of the space as it is now. */
export function chunksOf(world: World, space: Space): Uint8Array[] {
  const reader = world.get<SnapshotReader>((done) => world.store?.openSnapshot(space, done));
  const chunks = restOf(world, reader);
  reader.close();
  return chunks;
}

export function restOf(world: World, reader: SnapshotReader): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const chunk = world.get<Uint8Array | undefined>((done) => reader.next(done));
    if (chunk === undefined) return chunks;
    chunks.push(chunk);
  }
}
