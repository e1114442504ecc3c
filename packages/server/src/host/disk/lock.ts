import { randomBytes, randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { SherdError } from "../../core/base/index.ts";
import { isMissing, type SystemError } from "./errors.ts";

const LOCK_DIRECTORY = "lock";
const SOCKET_NAME = /^(\d+)-[0-9a-f]{16}\.sock$/;
/** Processes that start together see each other, step back and try again after a random time; a holder stays. */
const ATTEMPTS_MAX = 6;
const BACK_OFF_MS_MAX = 80;

/** Held until it is released or the process ends, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes a data directory for this process.
 *
 * Each process listens on a socket of its own in the directory, under a name that is never used twice, and then looks
 * whether any other socket there is listened on: first announce, then look. Of two processes at least one announces
 * before the other looks, so two can never both find themselves alone. Dead sockets refuse connections and are deleted,
 * which is safe because a name never comes to life again.
 *
 * Why sockets: the kernel closes them when the last thread of a process is gone, so a process that was killed while one
 * of its threads still writes to the log holds its lock until that write has ended. A file with a process id says
 * nothing across containers that share a volume; a socket in the directory answers there too. Node has no `flock`, and
 * LevelDB's lock is lost when the same process tries to open the directory twice.
 * It does not work across machines: a directory must not be on a network file system that several machines write to.
 *
 * @throws SherdError SHERD_DATA_IN_USE
 */
export async function lockDirectory(root: string): Promise<DirectoryLock> {
  const directory = join(root, LOCK_DIRECTORY);
  mkdirSync(directory, { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    const announced = await announce(directory);
    const other = await livingOther(announced);
    if (other === undefined) return announced;
    await announced.release();
    if (attempt === ATTEMPTS_MAX) throw new SherdError("SHERD_DATA_IN_USE", `Process ${other} uses ${root}.`);
    await new Promise((resolve) => setTimeout(resolve, randomInt(BACK_OFF_MS_MAX)));
  }
}

/** A socket that listens in the directory. */
class Announced implements DirectoryLock {
  readonly directory: string;
  readonly name: string = `${process.pid}-${randomBytes(8).toString("hex")}.sock`;
  readonly #descriptor: number;
  readonly #server: Server;

  constructor(directory: string) {
    this.directory = directory;
    this.#descriptor = openSync(directory, "r");
    // Whoever connects wants to know that this process lives, nothing else.
    this.#server = createServer((socket) => socket.destroy());
    this.#server.unref();
  }

  /** The name appears when the socket already listens: a name that refuses connections is dead for good. */
  async listen(): Promise<void> {
    const unseen = `${this.name}.new`;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.path(unseen), resolve);
    });
    renameSync(join(this.directory, unseen), join(this.directory, this.name));
  }

  /** Addresses of sockets are at most about 100 bytes long; data directories need not be. */
  path(name: string): string {
    return process.platform === "linux" ? `/proc/self/fd/${this.#descriptor}/${name}` : join(this.directory, name);
  }

  async release(): Promise<void> {
    unlinkIfThere(join(this.directory, this.name));
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    closeSync(this.#descriptor);
  }
}

async function announce(directory: string): Promise<Announced> {
  const announced = new Announced(directory);
  try {
    await announced.listen();
  } catch (error) {
    throw new SherdError(
      "SHERD_CONFIG_INVALID",
      `No socket can be made in ${directory} (${(error as Error).message}); the lock of a data directory needs one.`,
      { cause: error },
    );
  }
  return announced;
}

/** The process id of another living process in the directory. */
async function livingOther(announced: Announced): Promise<string | undefined> {
  for (const name of readdirSync(announced.directory)) {
    const pid = SOCKET_NAME.exec(name)?.[1];
    if (pid === undefined || name === announced.name) continue;
    if (await lives(announced.path(name))) return pid;
    unlinkIfThere(join(announced.directory, name));
  }
  return undefined;
}

/** Anything but a refusal counts as life: a stopped process, for one, lets its callers wait. */
function lives(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: SystemError) => {
      resolve(error.code !== "ECONNREFUSED" && error.code !== "ENOENT");
    });
  });
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
