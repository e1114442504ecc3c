import { randomBytes, randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync, readdirSync, renameSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { SherdError } from "../../core/base/index.ts";
import { isMissing, type SystemError } from "./errors.ts";

const LOCK_DIRECTORY = "lock";
const SOCKET_NAME = /^(\d+)-[0-9a-f]{16}\.sock$/;
/** Processes that start together see each other, step back and try again after a random time; a holder stays. */
const ATTEMPTS_MAX = 8;
const BACK_OFF_MS_MAX = 80;
/** ... which is longer where an attempt takes longer: on a busy machine they would see each other every time. */
const BACK_OFF_ATTEMPTS_MAX = 8;

/** Held until it is released or the process ends, however it ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Takes a data directory for this process.
 *
 * Each process listens on a socket of its own in the directory, under a name that is never used twice, and then looks
 * whether any other socket there is listened on: first announce, then look. Of two processes at least one looks after
 * the other has announced, so two can never both find themselves alone. Dead sockets refuse connections and are deleted,
 * which is safe because a name never comes to life again.
 *
 * Why sockets: the kernel closes them when the last thread of a process is gone, so a killed process one of whose
 * threads still writes to the log holds its lock until that write has ended. A file with a process id says nothing
 * across containers that share a volume; a socket in the directory answers there too. Node has no `flock`, and LevelDB's
 * lock is lost when the same process tries to open the directory twice.
 * It does not work across machines: several machines must not share a directory over a network file system.
 *
 * @throws SherdError SHERD_DATA_IN_USE
 */
export async function lockDirectory(root: string): Promise<DirectoryLock> {
  const directory = join(root, LOCK_DIRECTORY);
  mkdirSync(directory, { recursive: true });
  for (let attempt = 1; ; attempt += 1) {
    const beganMs = performance.now();
    const announced = await announce(directory);
    const other = await announced.livingOther();
    if (other === undefined) return announced;
    await announced.release();
    if (attempt === ATTEMPTS_MAX) throw new SherdError("SHERD_DATA_IN_USE", `Process ${other} uses ${root}.`);
    const attemptMs = Math.ceil(performance.now() - beganMs);
    const backOffMs = randomInt(Math.max(BACK_OFF_MS_MAX, BACK_OFF_ATTEMPTS_MAX * attemptMs));
    await new Promise((resolve) => setTimeout(resolve, backOffMs));
  }
}

/** Process id of the one that holds the directory's lock. */
export async function lockHolder(root: string): Promise<number | undefined> {
  const directory = join(root, LOCK_DIRECTORY);
  let descriptor: number;
  try {
    descriptor = openSync(directory, "r");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    for (const name of readdirSync(directory)) {
      const pid = SOCKET_NAME.exec(name)?.[1];
      if (pid !== undefined && (await isListenedOn(socketAddress(directory, descriptor, name)))) return Number(pid);
    }
    return undefined;
  } finally {
    closeSync(descriptor);
  }
}

/** A socket of this process that listens in the directory. */
class Announced implements DirectoryLock {
  readonly #directory: string;
  readonly #name: string = `${process.pid}-${randomBytes(8).toString("hex")}.sock`;
  readonly #descriptor: number;
  readonly #server: Server;

  constructor(directory: string) {
    this.#directory = directory;
    this.#descriptor = openSync(directory, "r");
    // Whoever connects wants to know that this process lives, nothing else.
    this.#server = createServer((socket) => socket.destroy());
    this.#server.unref();
  }

  /** The name appears when the socket already listens: a name that refuses connections is dead for good. */
  async listen(): Promise<void> {
    const unseen = `${this.#name}.new`;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(this.#address(unseen), resolve);
    });
    renameSync(join(this.#directory, unseen), join(this.#directory, this.#name));
  }

  /** The process id of another living process; the names of dead ones are deleted. */
  async livingOther(): Promise<string | undefined> {
    for (const name of readdirSync(this.#directory)) {
      const pid = SOCKET_NAME.exec(name)?.[1];
      if (pid === undefined || name === this.#name) continue;
      if (await isListenedOn(this.#address(name))) return pid;
      unlinkIfThere(join(this.#directory, name));
    }
    return undefined;
  }

  async release(): Promise<void> {
    unlinkIfThere(join(this.#directory, this.#name));
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
    closeSync(this.#descriptor);
  }

  #address(name: string): string {
    return socketAddress(this.#directory, this.#descriptor, name);
  }
}

/** Addresses of sockets have at most about 100 bytes; paths of data directories may have more. */
function socketAddress(directory: string, descriptor: number, name: string): string {
  return process.platform === "linux" ? `/proc/self/fd/${descriptor}/${name}` : join(directory, name);
}

async function announce(directory: string): Promise<Announced> {
  const announced = new Announced(directory);
  try {
    await announced.listen();
    return announced;
  } catch (error) {
    await announced.release();
    const reason = (error as Error).message;
    throw new SherdError(
      "SHERD_CONFIG_INVALID",
      `${directory} must hold a socket as its lock, and cannot: ${reason}.`,
      {
        cause: error,
      },
    );
  }
}

/** Anything but a refusal counts as life: a stopped process, for one, lets its callers wait. */
function isListenedOn(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(address);
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
