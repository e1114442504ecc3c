import type { GroupId } from "../../base/index.ts";
import { index } from "../../base/index.ts";
import type { Entry, HardState } from "../../raft/index.ts";
import type { Log } from "../index.ts";
import { texts } from "./world.ts";

/** A group as the log's owner believes it to be. Entries are never dropped here. */
interface ModelGroup {
  readonly hardState: HardState;
  /** Entries begin behind this position. */
  readonly start: { readonly index: number; readonly term: number };
  readonly entries: readonly Entry[];
  /** The log may have dropped entries up to here. */
  readonly durable: number;
}

/** All groups of a log after some of its operations. Immutable: operations make new ones. */
export type Model = ReadonlyMap<GroupId, ModelGroup>;

export type Operation =
  | {
      readonly kind: "append";
      readonly group: GroupId;
      readonly hardState: HardState;
      readonly entries: readonly Entry[];
    }
  | {
      readonly kind: "reset";
      readonly group: GroupId;
      readonly hardState: HardState;
      readonly at: number;
      readonly term: number;
    }
  | { readonly kind: "remove"; readonly group: GroupId };

export const lastOf = (group: ModelGroup | undefined): number =>
  group === undefined ? 0 : group.start.index + group.entries.length;

export function apply(model: Model, operation: Operation): Model {
  const next = new Map(model);
  const before = model.get(operation.group);
  if (operation.kind === "remove") {
    next.delete(operation.group);
  } else if (operation.kind === "reset") {
    const start = { index: operation.at, term: operation.term };
    next.set(operation.group, { hardState: operation.hardState, start, entries: [], durable: before?.durable ?? 0 });
  } else {
    const start = before?.start ?? { index: 0, term: 0 };
    const first = operation.entries[0]?.index ?? lastOf(before) + 1;
    const entries = [...(before?.entries.slice(0, first - 1 - start.index) ?? []), ...operation.entries];
    next.set(operation.group, { hardState: operation.hardState, start, entries, durable: before?.durable ?? 0 });
  }
  return next;
}

export function released(model: Model, group: GroupId, durable: number): Model {
  const before = model.get(group);
  return before === undefined ? model : new Map(model).set(group, { ...before, durable });
}

/** What a crash in the middle of this operation may leave: an append larger than a frame is several writes. */
export function partsOf(operation: Operation): Operation[] {
  if (operation.kind !== "append") return [operation];
  const { entries } = operation;
  return Array.from({ length: Math.max(entries.length, 1) }, (_, i) => ({
    ...operation,
    entries: entries.slice(0, i + 1),
  }));
}

/** Why the recovered log is not this model; undefined when it is. */
export function difference(model: Model, log: Log): string | undefined {
  if (model.size !== log.recovered.size) return `${log.recovered.size} groups instead of ${model.size}`;
  for (const [id, group] of model) {
    const found = log.recovered.get(id);
    if (found === undefined) return `group ${id} is missing`;
    const last = lastOf(group);
    if (found.last !== last) return `group ${id} ends at ${found.last} instead of ${last}`;
    const commit = Math.min(group.hardState.commit, last);
    const { hardState, truncated } = found;
    if (
      hardState.term !== group.hardState.term ||
      hardState.vote !== group.hardState.vote ||
      hardState.commit !== commit
    ) {
      return `group ${id} has hard state ${JSON.stringify(hardState)} instead of ${JSON.stringify(group.hardState)}`;
    }
    if (truncated.index < group.start.index) return `group ${id} has entries from before its reset`;
    if (truncated.index > Math.max(group.durable, group.start.index))
      return `group ${id} lost entries above ${group.durable}`;
    const dropped = truncated.index - group.start.index;
    const termBefore = dropped === 0 ? group.start.term : group.entries[dropped - 1]?.term;
    if (truncated.term !== termBefore)
      return `group ${id} has term ${truncated.term} before its entries, not ${termBefore}`;
    const entries = log.readNow(id, index(truncated.index + 1), index(last + 1));
    if (texts(entries).join() !== texts(group.entries.slice(dropped)).join()) return `group ${id} has other entries`;
  }
  return undefined;
}
