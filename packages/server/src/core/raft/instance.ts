import { assert, InvariantViolation, utf8 } from "../base/index.ts";
import type { RaftCoreOptions, RaftImports } from "./types.ts";

/** What `packages/raft-core/src/lib.rs` exports. Pointers are byte offsets into `memory`. */
interface Exports {
  readonly memory: WebAssembly.Memory;
  configure(
    electionTicks: number,
    heartbeatTicks: number,
    messageBytesMax: number,
    inflightMessagesMax: number,
    uncommittedBytesMax: number,
    committedBytesMax: number,
    nodeBytesMax: number,
  ): void;
  input(length: number): number;
  exec(length: number): number;
  progress(group: number): number;
  output(): number;
}

const LEVELS = ["panic", "error", "warn"] as const;

/**
 * One instance of the wasm module. Every answer is one copy of the output, taken before anything else can run: the next
 * call overwrites those bytes, and growth detaches them.
 */
export class CoreInstance {
  readonly #exports: Exports;
  /** The text of the panic behind a trap; the trap itself says only "unreachable". */
  #panic: string | undefined;
  #dead = false;

  constructor(module: WebAssembly.Module, options: RaftCoreOptions, imports: RaftImports) {
    const host = {
      random: (): number => imports.random() >>> 0,
      log: (level: number, at: number, length: number): void => {
        const text = utf8(new Uint8Array(this.#exports.memory.buffer, at >>> 0, length >>> 0).slice());
        const name = LEVELS[level];
        assert(name !== undefined, "the Raft core logs at a known level");
        if (name === "panic") this.#panic = text;
        else imports.log(name, text);
      },
    };
    this.#exports = new WebAssembly.Instance(module, { host }).exports as unknown as Exports;
    this.#exports.configure(
      options.electionTicks,
      options.heartbeatTicks,
      options.messageBytesMax,
      options.inflightMessagesMax,
      options.uncommittedBytesMax,
      options.committedBytesMax,
      options.nodeBytesMax,
    );
  }

  get memoryBytes(): number {
    return this.#exports.memory.buffer.byteLength;
  }

  exec(commands: Uint8Array): Uint8Array {
    return this.#run((core) => {
      const at = core.input(commands.length) >>> 0;
      new Uint8Array(core.memory.buffer, at, commands.length).set(commands);
      return core.exec(commands.length);
    });
  }

  progress(group: number): Uint8Array {
    return this.#run((core) => core.progress(group));
  }

  #run(call: (core: Exports) => number): Uint8Array {
    assert(!this.#dead, "the Raft core is not used after it trapped");
    let length: number;
    try {
      length = call(this.#exports) >>> 0;
    } catch (cause) {
      // Its state is anything now: the process has to end, never to run on.
      this.#dead = true;
      throw new InvariantViolation(`the Raft core trapped: ${this.#panic ?? String(cause)}`, { cause });
    }
    const at = this.#exports.output() >>> 0;
    return new Uint8Array(this.#exports.memory.buffer, at, length).slice();
  }
}
