import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test } from "vitest";
import { Namespaces } from "../../packages/chaos/src/ground/namespaces.ts";
import { runCommand } from "../../packages/chaos/src/ground/run-command.ts";
import { SmallDisk } from "../../packages/chaos/src/ground/small-disk.ts";

const PREFIX = `sht${process.pid.toString(36)}`;
const PORT = 9;
const MIB = 1024 * 1024;
const PROGRAM = `
const socket = require("node:dgram").createSocket("udp4");
socket.on("message", (text) => console.log(String(text)));
socket.bind(${PORT}, () => console.log("bound"));
process.stdin.on("data", (text) => {
  const [host, message] = String(text).trim().split(" ");
  socket.send(message, ${PORT}, host, () => console.log("sent"));
});`;

/** A program in a node's namespace that prints what it is sent, and sends what it is told to. */
class Station {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(network: Namespaces, name: string) {
    const [program, ...args] = [...network.runner(name), process.execPath, "-e", PROGRAM];
    this.#child = spawn(program as string, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
    onTestFinished(() => void this.#child.kill("SIGKILL"));
  }

  /** Resolves when it has left the socket. */
  async send(host: string, message: string): Promise<void> {
    this.#child.stdin!.write(`${host} ${message}\n`);
    expect(await this.heard()).toBe("sent");
  }

  async heard(): Promise<string> {
    return (await this.#lines.next()).value as string;
  }
}

test("a cut link loses what is sent one way, silently, until it is joined; all of the network is gone afterwards", async (context) => {
  const network = await Namespaces.create(PREFIX, ["a", "b"]);
  if (typeof network === "string") {
    console.warn(`partitions: not tested (${network})`);
    return context.skip(network);
  }
  let disposed = false;
  onTestFinished(() => (disposed ? undefined : network.dispose()));
  const [a, b] = [new Station(network, "a"), new Station(network, "b")];
  expect([await a.heard(), await b.heard()]).toEqual(["bound", "bound"]);
  for (const generation of [0, 1]) {
    const [hostA, hostB] = [network.host("a", generation), network.host("b", generation)];
    await a.send(hostB, "before");
    expect(await b.heard()).toBe("before");
    await network.cut("a", "b");
    await a.send(hostB, "lost");
    await b.send(hostA, "back");
    expect(await a.heard()).toBe("back");
    await network.join("a", "b");
    await a.send(hostB, "after");
    expect(await b.heard()).toBe("after");
  }
  await network.dispose();
  disposed = true;
  expect(await runCommand("ip", "netns", "list")).not.toContain(PREFIX);
  expect(await runCommand("ip", "link")).not.toContain(PREFIX);
});

test("a small disk is filled to the brim, freed, and gone afterwards", async (context) => {
  const disk = await SmallDisk.mount(PREFIX);
  if (typeof disk === "string") {
    console.warn(`full disks: not tested (${disk})`);
    return context.skip(disk);
  }
  let mounted = true;
  onTestFinished(() => (mounted ? disk.unmount() : undefined));
  const write = (): void => writeFileSync(join(disk.path, "data"), new Uint8Array(MIB));
  await disk.fill(4 * MIB);
  write();
  await disk.fill(0);
  expect(() => writeFileSync(join(disk.path, "more"), new Uint8Array(MIB))).toThrow(/ENOSPC/);
  disk.free();
  write();
  await disk.unmount();
  mounted = false;
  expect(existsSync(disk.path)).toBe(false);
});
