import { mkdtempSync, rmSync } from "node:fs";
import { open, statfs } from "node:fs/promises";
import { freemem, tmpdir } from "node:os";
import { join } from "node:path";
import { SMALL_DISK_BYTES } from "../limits.ts";
import { reasonOf, runCommand } from "./run-command.ts";

const MIB = 1024 * 1024;
const CHUNK: Uint8Array = new Uint8Array(MIB);

/** A tmpfs for the data of one node, which can be filled and freed. */
export class SmallDisk {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  /** The reason why there cannot be one, as a text. */
  static async mount(prefix: string): Promise<SmallDisk | string> {
    if (process.platform !== "linux") return "needs Linux";
    if (freemem() < 2 * SMALL_DISK_BYTES) return "too little free memory for a tmpfs";
    const path = mkdtempSync(join(tmpdir(), `${prefix}-disk-`));
    try {
      await runCommand("mount", "-t", "tmpfs", "-o", `size=${SMALL_DISK_BYTES}`, prefix, path);
      return new SmallDisk(path);
    } catch (error) {
      rmSync(path, { recursive: true });
      return `a tmpfs cannot be mounted: ${reasonOf(error)}`;
    }
  }

  /** Leaves so many bytes free, or none: then as much as fits is written. */
  async fill(leaveBytes: number): Promise<void> {
    const file = await open(this.#filler, "a");
    try {
      for (;;) {
        if (leaveBytes > 0 && (await this.#freeBytes()) <= leaveBytes) return;
        // A short write is the last one.
        const { bytesWritten } = await file.write(CHUNK);
        if (bytesWritten < CHUNK.length) return;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    } finally {
      await file.close();
    }
  }

  free(): void {
    rmSync(this.#filler, { force: true });
  }

  async unmount(): Promise<void> {
    await runCommand("umount", "-l", this.path);
    rmSync(this.path, { recursive: true, force: true });
  }

  get #filler(): string {
    return join(this.path, "filler");
  }

  async #freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.path);
    return bavail * bsize;
  }
}
