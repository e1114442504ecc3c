import { type GroupId, SESSION_IDLE_MS, SESSION_REPLIES_MAX } from "sherd/core/base";
import { commandByOpcode } from "sherd/core/command";
import { EntryDecoder, NO_SESSION, Opcode } from "sherd/core/machine";
import { BOOTSTRAP, type Entry, EntryKind } from "sherd/core/raft";
import { Violation } from "../world/index.ts";

/** What the state has to know of a session, said as simply as it can be: no bytes, no rows, no order of use. */
interface Session {
  /** Sequences of which the sender may still ask for the reply. */
  readonly kept: Set<number>;
  last: number;
  ackedBelow: number;
  usedMs: number;
}

interface Group {
  readonly sessions: Map<number, Session>;
  /** By index: the commands of the entry that take effect, in their order. */
  readonly effective: Map<number, readonly string[]>;
  next: number;
  logTimeMs: number;
}

/** docs/formats/entry.md: the id of a session is where it was opened. */
const SESSION_POSITIONS = 8192;

/**
 * Exactly once in sessions: which commands of each entry take effect, by a model of the sessions that sees the entries
 * alone; and that every replica runs these and no others, at whatever time it comes to the entry, from the log or behind
 * a snapshot. So no (session, sequence) has two effects, and all replicas agree on the one.
 */
export class SessionTable {
  readonly #groups: Map<GroupId, Group> = new Map();

  /**
   * An entry that some replica has committed. What is not the next of its group was seen before. True: it removes all keys
   * of the shard.
   */
  committed(group: GroupId, entry: Entry): boolean {
    const state = this.#groupOf(group);
    if (entry.index !== state.next) return false;
    state.next += 1;
    if (entry.kind !== EntryKind.normal || entry.data.length === 0) return false;
    const { commands, flushes } = effective(state, entry);
    state.effective.set(entry.index, commands);
    return flushes;
  }

  /** What a replica ran while it applied the entry, in that order. */
  applied(group: GroupId, index: number, commands: readonly string[], by: string): void {
    const expected = this.#groupOf(group).effective.get(index);
    if (expected === undefined || expected.join() === commands.join()) return;
    const detail = `group ${group}, index ${index}: ${by} ran [${commands.join()}], but due are [${expected.join()}]`;
    throw new Violation("each command of a session takes effect once", detail);
  }

  #groupOf(id: GroupId): Group {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = { sessions: new Map(), effective: new Map(), next: BOOTSTRAP.index + 1, logTimeMs: 0 };
      this.#groups.set(id, group);
    }
    return group;
  }
}

function effective(group: Group, entry: Entry): { readonly commands: string[]; readonly flushes: boolean } {
  const decoder = new EntryDecoder();
  decoder.open(entry.data, `index ${entry.index}`);
  group.logTimeMs = Math.max(group.logTimeMs, decoder.logTimeMs);
  for (const [id, { usedMs }] of group.sessions) {
    if (group.logTimeMs - usedMs > SESSION_IDLE_MS) group.sessions.delete(id);
  }
  const commands: string[] = [];
  let flushes = false;
  for (let position = 0; decoder.next(); position += 1) {
    const { opcode, session, sequence, ackedBelow } = decoder.command;
    if (session !== NO_SESSION && !isDue(group, session, sequence, ackedBelow)) continue;
    if (opcode === Opcode.sessionOpen) openSession(group, entry.index * SESSION_POSITIONS + position);
    if (opcode === Opcode.flush) flushes = true;
    const spec = commandByOpcode(opcode);
    if (spec !== undefined) commands.push(spec.name);
  }
  return { commands, flushes };
}

function openSession({ sessions, logTimeMs }: Group, id: number): void {
  sessions.set(id, { kept: new Set(), last: 0, ackedBelow: 1, usedMs: logTimeMs });
}

/** The next of its session, unless that keeps too many replies. */
function isDue({ sessions, logTimeMs }: Group, id: number, sequence: number, ackedBelow: number): boolean {
  const session = sessions.get(id);
  if (session === undefined) return false;
  session.usedMs = logTimeMs;
  session.ackedBelow = Math.max(session.ackedBelow, Math.min(ackedBelow, session.last + 1));
  for (const kept of session.kept) if (kept < session.ackedBelow) session.kept.delete(kept);
  if (sequence !== session.last + 1 || session.kept.size >= SESSION_REPLIES_MAX) return false;
  session.last = sequence;
  session.kept.add(sequence);
  return true;
}
