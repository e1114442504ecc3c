import * as nodeFs from "node:fs";
import { dirname } from "node:path";

/** What is used of `node:fs`: replaceable, so that a test can end the process between any two calls. */
export type FileSystem = Pick<
  typeof nodeFs,
  | "closeSync"
  | "existsSync"
  | "fsyncSync"
  | "mkdirSync"
  | "openSync"
  | "readdirSync"
  | "readFileSync"
  | "renameSync"
  | "writeSync"
>;

/** Suffix of the file that is written beside; what an interrupted write leaves behind. */
export const BESIDE = ".new";

/**
 * Replaces a small file. After a crash there is the old content or the new, never a part and never neither: the new
 * content is synced before it gets the name, and the name is synced before this returns.
 */
export function writeFileDurably(path: string, text: string, fs: FileSystem = nodeFs): void {
  const beside = path + BESIDE;
  const file = fs.openSync(beside, "w", 0o644);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += fs.writeSync(file, bytes, at);
    fs.fsyncSync(file);
  } finally {
    fs.closeSync(file);
  }
  fs.renameSync(beside, path);
  syncDirectory(dirname(path), fs);
}

/**
 * Makes the directory and its parents, each synced in the directory above it. One that is there is synced too: a start
 * that was killed may have made it without, and what can be read from the page cache may still be lost with the power.
 * `mode`: of the directory itself if it has to be made; one that is there keeps what its administrator gave it.
 */
export function ensureDirectory(
  path: string,
  { fs = nodeFs, mode = 0o777 }: { readonly fs?: FileSystem; readonly mode?: number } = {},
): void {
  const parent = dirname(path);
  if (fs.existsSync(path)) {
    try {
      syncDirectory(parent, fs);
    } catch (error) {
      // Above a mount point or a directory that an administrator made, this process may not be allowed to look.
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "EACCES" && code !== "EPERM") throw error;
    }
    return;
  }
  ensureDirectory(parent, { fs });
  try {
    fs.mkdirSync(path, { mode });
  } catch (error) {
    // Several nodes of one machine make their common parent at the same moment.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  syncDirectory(parent, fs);
}

function syncDirectory(path: string, fs: FileSystem): void {
  // Windows cannot open a directory; its file system journals names by itself.
  if (process.platform === "win32") return;
  const directory = fs.openSync(path, "r");
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}
