import { spawn } from "node:child_process";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { TestCluster } from "../harness/cluster.ts";
import { run } from "../harness/foreign.ts";

const cli = await run("redis-cli", ["--version"]);
if (cli.code !== 0) console.warn("SKIPPED: redis-cli and redis-benchmark are not installed (apt package redis-tools)");

/** What operators type. The same cluster for all: every test uses keys of its own. */
describe.skipIf(cli.code !== 0)("redis-cli and redis-benchmark", () => {
  let respPort: string;
  let clusterPort: string;
  let address: string;
  beforeAll(async () => {
    const cluster = await TestCluster.shared();
    const [node] = cluster.file.nodes;
    if (node === undefined) throw new Error("three nodes were asked for");
    respPort = String(node.respPort);
    clusterPort = String(node.clusterPort);
    address = `${node.host}:${node.clusterPort}`;
    return () => cluster.dispose();
  });

  const ask = async (...args: string[]): Promise<string> => {
    const ended = await run("redis-cli", args);
    expect(ended, ended.output).toMatchObject({ code: 0 });
    return ended.output.trimEnd();
  };

  test("-c follows redirections, the other port needs none", async () => {
    for (let n = 0; n < 20; n += 1) {
      expect(await ask("-c", "-p", clusterPort, "set", `cli:${n}`, `value ${n}`)).toBe("OK");
      expect(await ask("-p", respPort, "get", `cli:${n}`)).toBe(`value ${n}`);
    }
    expect(await ask("-3", "-p", respPort, "del", "cli:0")).toBe("1");
  });

  test("--scan, --bigkeys and --memkeys walk over the keys of all nodes", async () => {
    for (let n = 0; n < 30; n += 1) await ask("-p", respPort, "set", `walk:${n}`, "x".repeat(n + 1));
    const found = (await ask("-p", respPort, "--scan", "--pattern", "walk:*")).split("\n");
    expect(found.sort()).toEqual(Array.from({ length: 30 }, (_, n) => `walk:${n}`).sort());
    expect(await ask("-p", respPort, "--bigkeys")).toMatch(/Biggest string found .*walk:29.* has 30 bytes/);
    expect(await ask("-p", respPort, "--memkeys")).toContain("Sampled");
  });

  test("--cluster check, info and call", async () => {
    const checked = await ask("--cluster", "check", address);
    expect(checked).toContain("[OK] All nodes agree about slots configuration.");
    expect(checked).toContain("[OK] All 16384 slots covered.");
    expect(await ask("--cluster", "info", address)).toMatch(/\[OK\] \d+ keys in 3 masters/);
    expect((await ask("--cluster", "call", address, "ping")).match(/PONG/g)).toHaveLength(3);
  });

  test("a file of commands, --pipe, and -r with -i", async () => {
    const fed = spawn("redis-cli", ["-p", respPort, "--pipe"], { stdio: ["pipe", "pipe", "inherit"] });
    onTestFinished(() => void fed.kill());
    let output = "";
    fed.stdout.on("data", (chunk: Buffer) => void (output += chunk.toString()));
    for (let n = 0; n < 1_000; n += 1) fed.stdin.write(`SET pipe:${n} ${n}\r\n`);
    fed.stdin.end();
    const code = await new Promise((resolve) => fed.on("close", resolve));
    expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining("errors: 0, replies: 1000") });
    expect(await ask("-p", respPort, "-r", "3", "incr", "repeated")).toBe("1\n2\n3");
  });

  test("MONITOR shows what others do", async () => {
    const monitor = spawn("redis-cli", ["-p", respPort, "monitor"], { stdio: ["ignore", "pipe", "inherit"] });
    onTestFinished(() => void monitor.kill());
    let shown = "";
    const seen = (text: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (chunk?: Buffer): void => {
          shown += chunk?.toString() ?? "";
          if (!shown.includes(text)) return;
          monitor.stdout.off("data", look);
          resolve();
        };
        monitor.stdout.on("data", look);
        look();
      });
    await seen("OK");
    const set = seen('"set" "watched" "by monitor"');
    await ask("-p", respPort, "set", "watched", "by monitor");
    await set;
  });

  test.each([
    ["-p", "resp"],
    ["--cluster -p", "cluster"],
  ] as const)("redis-benchmark %s %s", async (flags, port) => {
    const args = [...flags.split(" "), port === "resp" ? respPort : clusterPort];
    const ended = await run("redis-benchmark", [
      ...args,
      "-q",
      "-n",
      "3000",
      "-c",
      "16",
      "-r",
      "1000",
      "-P",
      "4",
      "-t",
      "set,get,incr",
    ]);
    expect(ended, ended.output).toMatchObject({ code: 0 });
    for (const name of ["SET", "GET", "INCR"]) expect(ended.output).toMatch(new RegExp(`${name}: [\\d.]+ requests`));
    expect(ended.output).not.toMatch(/error/i);
  });
});
