import { dirname, resolve } from "node:path";
import { SherdError } from "../core/base/index.ts";
import type { NodeAddresses } from "../core/meta/index.ts";
import { lockDirectory } from "../host/disk/index.ts";
import type { ClusterFile } from "./cluster-file.ts";
import { ensureDirectory, writeFileDurably } from "./durable-file.ts";
import { checkForeign, dataPaths, type Identity, openIdentity } from "./identity.ts";

/** Everybody's values and hashes of passwords lie there: other users of the machine have no business in it. */
const PRIVATE = 0o700;

/** A data directory that this process, and no other, may use. */
export interface DataDirectory {
  readonly path: string;
  readonly identity: Identity;
  /** For people and scripts: which process serves this directory, and where. */
  writeRunFile(addresses: NodeAddresses, startedAtMs: number): void;
  release(): Promise<void>;
}

/** Locks the directory, then makes or checks it and counts this start. Throws coded errors; see `identity.ts`. */
export async function openDataDirectory(directory: string, file: ClusterFile, name: string): Promise<DataDirectory> {
  const path = resolve(directory);
  return usingDirectory(path, async () => {
    checkForeign(path);
    ensureDirectory(dirname(path));
    ensureDirectory(path, { mode: PRIVATE });
    const lock = await lockDirectory(path);
    try {
      const identity = openIdentity(path, file, name);
      return {
        path,
        identity,
        writeRunFile: (addresses, startedAtMs) => {
          const run = { pid: process.pid, startedAtMs, addresses };
          writeFileDurably(dataPaths(path).runFile, `${JSON.stringify(run, undefined, 2)}\n`);
        },
        release: () => lock.release(),
      };
    } catch (error) {
      await lock.release();
      throw error;
    }
  });
}

/** Gives the file system's own errors (no permission, no space, not a directory) a code and the directory's name. */
export async function usingDirectory<T>(path: string, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (error instanceof SherdError || code === undefined) throw error;
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new SherdError("SHERD_DISK_FULL", `${path}: ${message}.`, { cause: error });
    }
    throw new SherdError("SHERD_CONFIG_INVALID", `The data directory ${path} cannot be used: ${message}.`, {
      cause: error,
    });
  }
}
