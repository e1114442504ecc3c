import { assert, type GroupId, type Index, SherdError, type Slot, utf8 } from "../base/index.ts";
import {
  type CommandContext,
  type CommandSpec,
  errorReply,
  keysOf,
  NOT_RESIDENT,
  OK,
  type Reply,
} from "../command/index.ts";
import type { Env } from "../env/index.ts";
import type { Entry } from "../raft/index.ts";
import type { Row, RowKey, Space } from "../store/index.ts";
import { AppliedState } from "./applied.ts";
import { KeyCounts } from "./counts.ts";
import { type CommandView, EntryDecoder, NO_SESSION, Opcode } from "./entry.ts";
import { Sessions } from "./sessions.ts";
import type { ReplySink, StateMachine } from "./types.ts";

/** Session ids are (index, position) of the command that opened them: unique in the group without any counter. */
const SESSION_POSITIONS = 8192;

export class ShardMachine implements StateMachine {
  readonly applied: AppliedState;
  readonly #group: GroupId;
  readonly #space: Space;
  readonly #commands: (opcode: number) => CommandSpec | undefined;
  readonly #context: RowContext;
  readonly #counts: KeyCounts = new KeyCounts();
  readonly #sessions: Sessions = new Sessions();
  readonly #decoder: EntryDecoder = new EntryDecoder();

  /** Takes over what the space's system rows say. */
  constructor(env: Env, space: Space, commands: (opcode: number) => CommandSpec | undefined) {
    this.#group = space.group;
    this.#space = space;
    this.#commands = commands;
    const row = (name: string): Uint8Array | undefined => space.system(name);
    this.applied = AppliedState.read(row);
    this.#counts.load(space.systemNames(KeyCounts.rowPrefix), row);
    this.#sessions.load(space.systemNames(Sessions.rowPrefix), row);
    this.#context = new RowContext(env, space, this.#counts);
    this.#context.version = this.applied.index;
  }

  get keys(): number {
    return this.#counts.total;
  }

  get expiringKeys(): number {
    return this.#counts.expiring;
  }

  keysInSlot(slot: Slot): number {
    return this.#counts.of(slot);
  }

  slotOfKey(number: number): Slot {
    return this.#counts.slotOf(number);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  missing(entry: Entry): RowKey[] {
    const missing: RowKey[] = [];
    this.#decoder.open(entry.data, this.#where(entry));
    while (this.#decoder.next()) {
      const command = this.#decoder.command;
      if (command.opcode === Opcode.end) this.#missingKey(command.slot, command.args[0] as Uint8Array, missing);
      if (isInternal(command.opcode)) continue;
      const spec = this.#commands(command.opcode);
      // Here and not only when it is run: the commands before it would have had their effect by then.
      if (spec?.run === undefined) throw this.#unknown(command.opcode, entry);
      this.#missingKeys(spec, command.slot, command.args, missing);
    }
    return missing;
  }

  /** Rows that a command names and that are not in memory, appended to `into`. */
  #missingKeys(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], into: RowKey[]): void {
    if (spec.keysIn !== undefined) {
      for (const key of spec.keysIn(args)) this.#missingKey(slot, key, into);
      return;
    }
    const { first, last, step } = spec.keys;
    if (first === 0) return;
    const end = last < 0 ? args.length + last : last - 1;
    for (let at = first - 1; at <= end; at += step) this.#missingKey(slot, args[at] as Uint8Array, into);
  }

  #missingKey(slot: Slot, bytes: Uint8Array, into: RowKey[]): void {
    const key = this.#context.latin1(bytes);
    if (this.#space.get(slot, key) === undefined) into.push({ slot, key });
  }

  missingForRead(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[]): RowKey[] {
    const missing: RowKey[] = [];
    this.#missingKeys(spec, slot, args, missing);
    return missing;
  }

  apply(entry: Entry, replies: ReplySink | undefined): void {
    const state = this.applied;
    const decoder = this.#decoder;
    decoder.open(entry.data, this.#where(entry));
    const now = Math.max(state.logTimeMs, decoder.logTimeMs);
    this.#context.judgeBy(now, now);
    this.#context.version = entry.index;
    this.#sessions.expire(now);
    for (let position = 0; decoder.next(); position += 1) {
      const reply = this.#command(decoder.command, entry, position);
      if (replies !== undefined) replies.reply(position, reply);
    }
    state.logTimeMs = now;
    state.advance(entry.index, entry.term);
  }

  #command(command: CommandView, entry: Entry, position: number): Reply {
    if (command.session === NO_SESSION) return this.#run(command, entry, position);
    const now = this.#context.nowMs;
    const known = this.#sessions.admit(command.session, command.sequence, command.ackedBelow, now);
    if (known !== undefined) return known;
    const reply = this.#run(command, entry, position);
    this.#sessions.store(command.session, command.sequence, command.slot, reply);
    return reply;
  }

  #run(command: CommandView, entry: Entry, position: number): Reply {
    switch (command.opcode) {
      case Opcode.sessionOpen: {
        assert(position < SESSION_POSITIONS, "an entry has fewer commands than session positions");
        const id = entry.index * SESSION_POSITIONS + position;
        this.#sessions.open(id, this.#context.nowMs);
        return { type: "integer", value: id };
      }
      case Opcode.time:
        return OK;
      case Opcode.end:
        this.#context.removeEnded(command.slot, this.#context.latin1(command.args[0] as Uint8Array));
        return OK;
      case Opcode.flush:
        // Sessions stay, so that a retry finds the reply; who watches a key that was there finds it gone.
        this.#space.clear();
        this.#counts.clear();
        return OK;
      case Opcode.refuse: {
        const [kind, text] = command.args;
        return errorReply(kind === undefined ? "ERR" : utf8(kind), text === undefined ? "refused" : utf8(text));
      }
      default: {
        const spec = this.#commands(command.opcode);
        if (spec?.run === undefined) throw this.#unknown(command.opcode, entry);
        const reply = spec.run(this.#context, command.slot, command.args);
        assert(reply !== NOT_RESIDENT, "all rows of an entry are resident while it is applied");
        return reply;
      }
    }
  }

  read(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], clockMs: number): Reply | typeof NOT_RESIDENT {
    assert(spec.run !== undefined, "a read is a command that runs on a shard");
    const { logTimeMs } = this.applied;
    this.#context.judgeBy(logTimeMs, Math.max(logTimeMs, clockMs));
    return spec.run(this.#context, slot, args);
  }

  get undecided(): boolean {
    return this.#context.undecided;
  }

  changedSince(spec: CommandSpec, slot: Slot, args: readonly Uint8Array[], since: Index): boolean {
    return keysOf(spec, args).some((key) => {
      const row = this.#space.get(slot, this.#context.latin1(key));
      // One that is not there may have been deleted, and one that expires may have expired, since then.
      return !row || row.expiresAtMs !== 0 || row.version > since;
    });
  }

  freeze(): void {
    const space = this.#space;
    const put = (name: string, bytes: Uint8Array): void => space.putSystem(name, bytes);
    this.applied.write(put);
    this.#counts.writeChanges(put);
    this.#sessions.writeChanges(put, (name) => space.deleteSystem(name));
  }

  /** Skipping it would make this replica differ from those that know the command. */
  #unknown(opcode: number, entry: Entry): SherdError {
    return new SherdError("SHERD_ENTRY_UNREADABLE", `${this.#where(entry)}: unknown command ${opcode}.`);
  }

  #where(entry: Entry): string {
    return `shard ${this.#group}, index ${entry.index}`;
  }
}

const isInternal = (opcode: number): boolean =>
  opcode === Opcode.sessionOpen ||
  opcode === Opcode.time ||
  opcode === Opcode.refuse ||
  opcode === Opcode.end ||
  opcode === Opcode.flush;

/** A command's view of the rows: judges expiry by log time (a read also by its leader's clock), keeps the counts. */
class RowContext implements CommandContext {
  nowMs = 0;
  version = 0;
  /** A row was met that has ended by `nowMs`, but not by log time. */
  undecided = false;
  readonly latin1: (bytes: Uint8Array) => string;
  readonly #space: Space;
  readonly #counts: KeyCounts;
  #logTimeMs = 0;

  constructor(env: Env, space: Space, counts: KeyCounts) {
    this.#space = space;
    this.#counts = counts;
    this.latin1 = (bytes) => env.latin1(bytes);
  }

  judgeBy(logTimeMs: number, nowMs: number): void {
    this.#logTimeMs = logTimeMs;
    this.nowMs = nowMs;
    this.undecided = false;
  }

  get(slot: Slot, key: string): Row | null | undefined {
    const row = this.#space.get(slot, key);
    if (!row || row.expiresAtMs === 0 || row.expiresAtMs > this.nowMs) return row;
    if (row.expiresAtMs > this.#logTimeMs) this.undecided = true;
    return null;
  }

  put(slot: Slot, key: string, row: Row): void {
    const before = this.#space.get(slot, key);
    assert(before !== undefined, "a row is resident when a command writes it");
    if (before === null) this.#counts.change(slot, 1);
    this.#countExpiring(before, row.expiresAtMs);
    this.#space.put(slot, key, row);
  }

  #countExpiring(before: Row | null, expiresAtMs: number): void {
    const ended = before !== null && before.expiresAtMs !== 0;
    if (ended !== (expiresAtMs !== 0)) this.#counts.changeExpiring(ended ? -1 : 1);
  }

  /** Nobody sees the difference; its space comes back. */
  removeEnded(slot: Slot, key: string): void {
    const row = this.#space.get(slot, key);
    if (row && row.expiresAtMs !== 0 && row.expiresAtMs <= this.nowMs) this.delete(slot, key);
  }

  delete(slot: Slot, key: string): boolean {
    const before = this.#space.get(slot, key);
    assert(before !== undefined, "a row is resident when a command deletes it");
    if (before === null) return false;
    this.#counts.change(slot, -1);
    this.#countExpiring(before, 0);
    this.#space.delete(slot, key);
    return before.expiresAtMs === 0 || before.expiresAtMs > this.nowMs;
  }
}
