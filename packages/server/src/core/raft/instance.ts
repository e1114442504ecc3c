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

/** Small outputs share one buffer of this size, as allocating one for each costs more than the call itself, ... */
const CHUNK_BYTES = 64 * 1024;
/** ... and larger ones have their own. */
const CHUNKED_BYTES_MAX = 8 * 1024;

/** Where the answer of the last call lies: [from, to) of `bytes`, which nobody writes to again. */
export interface CoreOutput {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly from: number;
  readonly to: number;
}

/**
 * One instance of the wasm module. Every answer is copied out before anything else can run: the next call overwrites
 * those bytes, and growth detaches them.
 */
export class CoreInstance {
  readonly #exports: Exports;
  /** The text of the panic behind a trap; the trap itself says only "unreachable". */
  #panic: string | undefined;
  #dead = false;
  /** All of the wasm memory; made anew when that has grown. */
  #memory = new Uint8Array(0);
  readonly #output = { bytes: new Uint8Array(0), view: new DataView(new ArrayBuffer(0)), from: 0, to: 0 };

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

  /** The result is good until the next call, the bytes it points to for ever. */
  exec(commands: Uint8Array): CoreOutput {
    return this.#run((core) => {
      const at = core.input(commands.length) >>> 0;
      this.#bytes().set(commands, at);
      return core.exec(commands.length);
    });
  }

  progress(group: number): CoreOutput {
    return this.#run((core) => core.progress(group));
  }

  #run(call: (core: Exports) => number): CoreOutput {
    assert(!this.#dead, "the Raft core is not used after it trapped");
    try {
      const length = call(this.#exports) >>> 0;
      return this.#copy(this.#exports.output() >>> 0, length);
    } catch (cause) {
      // Its state is anything now: the process has to end, never to run on.
      this.#dead = true;
      throw new InvariantViolation(`the Raft core trapped: ${this.#panic ?? String(cause)}`, { cause });
    }
  }

  #copy(at: number, length: number): CoreOutput {
    const output = this.#output;
    output.from = output.to;
    if (length > CHUNKED_BYTES_MAX || output.from + length > output.bytes.length) {
      output.bytes = new Uint8Array(length > CHUNKED_BYTES_MAX ? length : CHUNK_BYTES);
      output.view = new DataView(output.bytes.buffer);
      output.from = 0;
    }
    output.to = output.from + length;
    output.bytes.set(this.#bytes().subarray(at, at + length), output.from);
    return output;
  }

  #bytes(): Uint8Array {
    const { buffer } = this.#exports.memory;
    if (this.#memory.buffer !== buffer) this.#memory = new Uint8Array(buffer);
    return this.#memory;
  }
}
