import { crc32, type Slot } from "sherd/core/base";
import { type CommandContext, type CommandSpec, NOT_RESIDENT } from "sherd/core/command";
import type { PeerLinks } from "sherd/core/env";
import type { Coverage } from "../world/index.ts";
import type { SimProcess } from "./process.ts";
import type { CommandOf } from "./sabotage.ts";
import type { NodeWatcher, RowChange } from "./watcher.ts";

type Run = NonNullable<CommandSpec["run"]>;

/** The command table with every write's rows and reply shown to the watcher. */
export function observeCommands(commandOf: CommandOf, watcher: NodeWatcher): CommandOf {
  const observed = new Map<number, CommandSpec>();
  return (opcode) => {
    const spec = commandOf(opcode);
    if (spec?.run === undefined || !spec.flags.includes("write")) return spec;
    let shown = observed.get(opcode);
    if (shown === undefined) {
      shown = { ...spec, run: observeRun(spec.name, spec.run, watcher) };
      observed.set(opcode, shown);
    }
    return shown;
  };
}

function observeRun(name: string, run: Run, watcher: NodeWatcher): Run {
  return (context, slot, args) => {
    const rows: string[] = [];
    const changes: RowChange[] = [];
    const reply = run(watchContext(context, rows, changes), slot, args);
    if (reply !== NOT_RESIDENT) {
      const effect = `${JSON.stringify(reply)} ${context.nowMs} ${rows.join(" ")}`;
      watcher.onEffect(context.version, slot, name, effect, changes);
    }
    return reply;
  };
}

function watchContext(context: CommandContext, rows: string[], changes: RowChange[]): CommandContext {
  return {
    nowMs: context.nowMs,
    version: context.version,
    get: (slot: Slot, key: string) => context.get(slot, key),
    head: (slot: Slot, key: string) => context.head(slot, key),
    put(slot, key, row) {
      const checksum = crc32(row.payload);
      rows.push(`put ${slot} ${key} ${row.kind} ${row.expiresAtMs} ${row.version} ${checksum}`);
      changes.push({ slot, key, row: { version: row.version, checksum, expiresAtMs: row.expiresAtMs } });
      context.put(slot, key, row);
    },
    delete(slot, key) {
      const deleted = context.delete(slot, key);
      rows.push(`delete ${slot} ${key} ${deleted}`);
      changes.push({ slot, key, row: undefined });
      return deleted;
    },
    latin1: (bytes) => context.latin1(bytes),
    lengthOf: (slot, key) => context.lengthOf(slot, key),
    worked: (bytes) => context.worked(bytes),
  };
}

/** First bytes of messages between nodes: docs/formats/messages.md. */
const MESSAGE_KINDS = ["", "raft", "transfer", "forward", "answer", "hints", "map wanted", "map", "published"];

const FORWARD = 3;
const SESSION_AT = 17;

/** Session and sequence of a forwarded write. */
function numberOf(message: Uint8Array): string | undefined {
  if (message[0] !== FORWARD) return undefined;
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  const session = view.getBigUint64(SESSION_AT, true);
  return session === 0n ? undefined : `${session} ${view.getBigUint64(SESSION_AT + 8, true)}`;
}

/** Links of which any use may be the process's last. */
export function observeLinks(links: PeerLinks, process: SimProcess, coverage: Coverage): PeerLinks {
  const sent = new Set<string>();
  return {
    send: (to, message) => {
      process.request("links send");
      coverage.count(`message: ${MESSAGE_KINDS[message[0] ?? 0] ?? "?"}`);
      const numbered = numberOf(message);
      if (numbered !== undefined && sent.has(numbered)) coverage.count("forwarded write sent again");
      else if (numbered !== undefined) sent.add(numbered);
      links.send(to, message);
    },
    flush: () => {
      process.request("links flush");
      links.flush();
    },
    queuedBytes: (node) => links.queuedBytes(node),
    isUp: (node) => links.isUp(node),
  };
}
