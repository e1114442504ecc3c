import { randomBytes } from "node:crypto";
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { SherdError } from "../core/base/index.ts";

/** The lock's name; files beside it, from takeovers that were interrupted, begin with it. */
export const LOCK_FILE = "lock";

export interface DirectoryLock {
  release(): void;
}

const holderSchema = z.object({ pid: z.int().min(1), startTicks: z.string(), nonce: z.string() });
type Holder = z.infer<typeof holderSchema>;

/** A stale lock is taken over by one process at a time; who loses that race this often gives up. */
const ATTEMPTS_MAX = 10;

/**
 * Makes this process the only user of a directory. Node has no file locks, so the file names its holder by process id
 * and start time; a holder that is gone (killed, power lost, process id used again) holds nothing.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, LOCK_FILE);
  const mine: Holder = {
    pid: process.pid,
    startTicks: startTicks(process.pid) ?? "",
    nonce: randomBytes(8).toString("hex"),
  };
  const text = JSON.stringify(mine);
  const beside = `${path}.${mine.nonce}`;
  // A hard link appears with its content or not at all: no one ever reads half a lock.
  writeFileSync(beside, text);
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (tryLink(beside, path)) return { release: () => release(path, text) };
      const found = readIfThere(path);
      if (found === undefined) continue;
      const holder = parseHolder(found);
      if (holder !== undefined && isAlive(holder)) {
        throw new SherdError("SHERD_DATA_IN_USE", `${directory} is used by process ${holder.pid}.`);
      }
      removeStale(path, found, mine.nonce);
    }
    throw new SherdError("SHERD_DATA_IN_USE", `${directory} is being locked by others again and again.`);
  } finally {
    rmSync(beside, { force: true });
  }
}

/** The process that uses the directory now; undefined when none does. */
export function lockHolder(directory: string): number | undefined {
  const found = readIfThere(join(directory, LOCK_FILE));
  const holder = found === undefined ? undefined : parseHolder(found);
  return holder !== undefined && isAlive(holder) ? holder.pid : undefined;
}

function tryLink(beside: string, path: string): boolean {
  try {
    linkSync(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Undefined: not a lock that any version wrote, so nobody holds it. */
function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

/** Takes the file away; if another process replaced it in the meantime with its own lock, that one goes back. */
function removeStale(path: string, stale: string, nonce: string): void {
  const aside = `${path}.stale.${nonce}`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (readFileSync(aside, "utf8") !== stale) tryLink(aside, path);
  rmSync(aside);
}

function release(path: string, text: string): void {
  if (readIfThere(path) === text) rmSync(path);
}

function isAlive(holder: Holder): boolean {
  const ticks = startTicks(holder.pid);
  if (ticks !== undefined) return ticks === holder.startTicks;
  try {
    process.kill(holder.pid, 0);
    // Without /proc (macOS, Windows) the number alone must do.
    return process.platform !== "linux";
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** When the process started, in ticks since boot, and which boot: process ids are used again, this pair is not. */
function startTicks(pid: number): string | undefined {
  if (process.platform !== "linux") return undefined;
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const zombie = fields[0] === "Z" || fields[0] === "X";
  return zombie ? undefined : `${fields[19]} ${readIfThere("/proc/sys/kernel/random/boot_id")?.trim() ?? ""}`;
}
