import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { SherdError } from "../../core/base/index.ts";
import type { Engine } from "../../core/env/index.ts";
import { conformance, type EngineUnderTest, write } from "../../core/store/testing/conformance.ts";
import { World } from "../../core/store/testing/world.ts";
import { openLevelEngine } from "./index.ts";

const { env } = new World();
// As a node has it: with the default four threads the engine would run one read at a time, and hide what goes wrong
// when several are under way.
vi.stubEnv("UV_THREADPOOL_SIZE", "16");

async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "sherd-level-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const close = (engine: Engine): Promise<void> => new Promise((resolve) => engine.close(resolve));

async function openIn(path: string): Promise<EngineUnderTest> {
  const engine = await openLevelEngine(env, { path });
  let open = true;
  const end = async (): Promise<void> => {
    if (open) await close(engine);
    open = false;
  };
  onTestFinished(end);
  return {
    engine,
    // Within one process: what a kill leaves behind is tested on copies of the directory, see crash-images.test.ts.
    crash: async () => {
      await end();
      return openIn(path);
    },
    end,
  };
}

const refusal = (path: string): Promise<SherdError> =>
  openLevelEngine(env, { path }).then(
    () => expect.unreachable("it opened"),
    (error: SherdError) => error,
  );

describe("the leveldb engine", () => {
  conformance(async () => openIn(await temporaryDirectory()));

  test("a second process on the same directory is refused", async () => {
    const path = await temporaryDirectory();
    await openIn(path);
    const error = await refusal(path);
    expect(error.code).toBe("SHERD_DATA_IN_USE");
    expect(error.detail).toContain(path);
  });

  test("a database without its manifest is refused", async () => {
    const path = await temporaryDirectory();
    const under = await openIn(path);
    await write(under.engine, { a: "1" });
    await under.end();
    for (const name of await readdir(path)) if (name.startsWith("MANIFEST")) await rm(join(path, name));
    expect((await refusal(path)).code).toBe("SHERD_STORE_DAMAGED");
  });

  test("a path that is no directory is refused", async () => {
    const path = join(await temporaryDirectory(), "file");
    await writeFile(path, "");
    expect((await refusal(path)).code).toBe("SHERD_ENGINE_FAILED");
  });

  test("rows of a damaged table are reported, the others are read", async () => {
    const path = await temporaryDirectory();
    const under = await openIn(path);
    await write(under.engine, { a: "1", b: "2" });
    await under.end();
    // Opening again moves the log into a table.
    const again = await openIn(path);
    await again.end();
    const tables = (await readdir(path)).filter((name) => name.endsWith(".ldb"));
    expect(tables).toHaveLength(1);
    // The end of a table names its kind.
    const table = join(path, tables[0] as string);
    const content = await readFile(table);
    await writeFile(table, content.fill(0, content.length - 8));
    const { engine } = await openIn(path);
    await write(engine, { c: "3" });
    const keys = ["a", "c", "b"].map((key) => Uint8Array.of(key.charCodeAt(0)));
    const values = await new Promise<(Uint8Array | null | undefined)[]>((done) => engine.getMany(keys, done));
    expect(values.map((value) => value?.length ?? value)).toEqual([null, 1, null]);
    const range = { from: Uint8Array.of(0), to: Uint8Array.of(255), rowsMax: 10, bytesMax: 100, values: true };
    const { damaged } = await new Promise<{ damaged: boolean }>((done) => engine.range(range, done));
    expect(damaged).toBe(true);
  });

  test("a write that fails because the files are gone ends the node and names the directory", async () => {
    const path = await temporaryDirectory();
    let fatal: Error | undefined;
    const recording = {
      ...env,
      // A node ends here.
      fatal: ((error: Error) => {
        fatal ??= error;
      }) as (error: Error) => never,
    };
    const engine = await openLevelEngine(recording, { path, writeBufferBytes: 64 << 10 });
    onTestFinished(() => close(engine));
    await rm(path, { recursive: true });
    // LevelDB goes on with the files that it has open until it needs a new one.
    for (let n = 0; n < 100 && fatal === undefined; n += 1) await write(engine, { [`k${n}`]: "x".repeat(10_000) });
    expect(fatal).toMatchObject({ code: "SHERD_STORE_DAMAGED" });
    expect(fatal?.message).toContain(path);
  });
});
