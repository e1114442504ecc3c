import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { configurationPage } from "../../../../../scripts/generate-docs.mjs";
import * as settings from "./index.ts";
import {
  type CommandName,
  fromText,
  handedOn,
  isValue,
  requireSettings,
  resolveSettings,
  SETTINGS,
  type SettingName,
  type SettingValues,
  settingNames,
  sourceText,
  variableName,
} from "./index.ts";

function fileWith(text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "sherd-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, "sherd.yaml");
  writeFileSync(path, text);
  return path;
}

interface Given {
  readonly flags?: SettingValues;
  readonly environment?: Record<string, string>;
  readonly file?: string;
  readonly command?: CommandName;
}

const resolved = ({ flags = {}, environment = {}, file, command = "node" }: Given) =>
  resolveSettings({ command, flags, environment, file });

/** Value and source of one setting. */
function force(given: Given, name: SettingName): unknown[] {
  const found = resolved(given).all.find((one) => one.name === name);
  return found === undefined ? [] : [found.value, sourceText(found.source)];
}

/** The refusal of a file, without the directory and without the advice. */
function refusal(text: string, command: CommandName = "node"): string[] {
  const path = fileWith(text);
  try {
    resolved({ file: path, command });
  } catch (error) {
    const { detail } = error as { detail: string };
    return detail
      .replaceAll(path, "sherd.yaml")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "");
  }
  return [];
}

test("a flag weighs more than a variable, a variable more than the file, the file more than the default", () => {
  const file = fileWith("# about memory\ncacheMib: 3\n");
  const environment = { SHERD_CACHE_MIB: "2" };
  expect(force({ flags: { cacheMib: 1 }, environment, file }, "cacheMib")).toEqual([1, "--cache-mib"]);
  expect(force({ environment, file }, "cacheMib")).toEqual([2, "SHERD_CACHE_MIB"]);
  expect(force({ file }, "cacheMib")).toEqual([3, `${file}:2:11`]);
  expect(force({}, "cacheMib")).toEqual([64, "default"]);
  expect(force({ environment: { SHERD_CACHE_MIB: "", SHERD_CONFIG: file } }, "cacheMib")).toEqual([3, `${file}:2:11`]);
});

test("a flag that says no weighs more than a file that says yes", () => {
  const file = fileWith("logRequests: true\n");
  expect(force({ file }, "logRequests")[0]).toBe(true);
  expect(force({ file, flags: { logRequests: false } }, "logRequests")[0]).toBe(false);
  expect(force({ file, environment: { SHERD_LOG_REQUESTS: "off" } }, "logRequests")[0]).toBe(false);
});

test("values of every type, in a file", () => {
  const file = fileWith(
    "cluster: cluster.json\nname: a\nhost: 10.0.0.1\nlisten: 0.0.0.0\nseeds:\n  - 10.0.0.2:7100\n  - '[::1]:7100'\nlogLevel: debug\n",
  );
  const { values } = resolved({ file });
  expect(values).toMatchObject({ name: "a", listen: "0.0.0.0", logLevel: "debug" });
  expect(values.seeds).toEqual(["10.0.0.2:7100", "[::1]:7100"]);
  // As seen from the file, wherever the program was started.
  expect(values.cluster).toBe(join(file, "..", "cluster.json"));
});

test("what is wrong in a file is named with its line and column, all of it at once", () => {
  expect(refusal("name: a\ncachMib: 3\nlogLevel: loud\n  \nhttpPort: 70000\nmaxInflight:\nseeds: [a]\n")).toEqual([
    'sherd.yaml:2:1: there is no setting "cachMib"; did you mean cacheMib?',
    'sherd.yaml:3:11: logLevel: one of debug, info, warn, error is wanted, not "loud"',
    "sherd.yaml:5:11: httpPort: a whole number from 1 to 65535 is wanted, not 70000",
    "sherd.yaml:6:13: maxInflight: a whole number from 1 to 65536 is wanted, not null",
    'sherd.yaml:7:8: seeds: addresses such as 10.0.0.2:7100 are wanted, not ["a"]',
  ]);
  expect(refusal("host: 0.0.0.0\n")).toEqual([
    'sherd.yaml:1:7: host: an address that other machines can reach, not "0.0.0.0".',
  ]);
  expect(refusal("cache-mib: 3\n")).toEqual([
    'sherd.yaml:1:1: there is no setting "cache-mib"; did you mean cacheMib?',
  ]);
  expect(refusal("colour: red\n")).toEqual(['sherd.yaml:1:1: there is no setting "colour".']);
});

test("a file that is not one", () => {
  expect(refusal("name: [a\n")[0]).toMatch(/^sherd\.yaml:\d:\d: not YAML: /);
  expect(refusal("name: a\nname: b\n")).toEqual(["sherd.yaml:2:1: this setting stands here a second time."]);
  expect(refusal("- a\n")).toEqual(["sherd.yaml:1:1: lines such as `cacheMib: 128` are wanted."]);
  expect(refusal("")).toEqual([]);
  expect(refusal("# nothing yet\n")).toEqual([]);
  expect(() => resolved({ file: "/nowhere/sherd.yaml" })).toThrow(/\/nowhere\/sherd\.yaml cannot be read/);
});

test("a file that is not UTF-8 is refused with the line, not read with other characters in it", () => {
  const file = fileWith("");
  writeFileSync(file, Buffer.from("# caf\u00e9\nrequirePass: caf\u00e9\n", "latin1"));
  expect(() => resolved({ file })).toThrow(/sherd\.yaml cannot be read: line 1 is not UTF-8\./);
  writeFileSync(file, Buffer.concat([Buffer.from("# caf\u00e9\nname: "), Buffer.of(0xff)]));
  expect(() => resolved({ file })).toThrow(/sherd\.yaml cannot be read: line 2 is not UTF-8\./);
});

test("what belongs to the other command is not taken silently", () => {
  expect(refusal("nodes: 5\n", "node")).toEqual(["sherd.yaml:1:1: nodes is a setting of `sherd start` only."]);
  expect(refusal("nodes: 5\n", "start")).toEqual([]);
});

test("variables are refused by name; those that begin like ours and are not known are warned of", () => {
  expect(() => resolved({ environment: { SHERD_CACHE_MIB: "1e3" } })).toThrow(
    'SHERD_CONFIG_INVALID: SHERD_CACHE_MIB: a whole number from 1 to 65536 is wanted, not "1e3".',
  );
  const environment = {
    SHERD_CAHCE_MIB: "1",
    SHERD_ANYTHING: "",
    SHERD_USER: "me",
    SHERD_PASSWORD: "secret",
    OTHER: "1",
  };
  expect(resolved({ environment }).warnings).toEqual([
    "SHERD_CAHCE_MIB is not a setting; did you mean SHERD_CACHE_MIB?",
    "SHERD_ANYTHING is not a setting; it is ignored",
  ]);
});

test("what Kubernetes says of a service called sherd is no mistake of anybody", () => {
  const environment = {
    SHERD_SERVICE_HOST: "10.0.0.1",
    SHERD_SERVICE_PORT: "6379",
    SHERD_SERVICE_PORT_RESP: "6379",
    SHERD_PORT: "tcp://10.0.0.1:6379",
    SHERD_PORT_6379_TCP: "tcp://10.0.0.1:6379",
    SHERD_PORT_6379_TCP_PROTO: "tcp",
    SHERD_NODE_PORT_6379_TCP_ADDR: "10.0.0.1",
  };
  expect(resolved({ environment }).warnings).toEqual([]);
});

test("what must be set is asked for by all its names", () => {
  expect(() => requireSettings(resolved({ flags: { name: "a" } }))).toThrow(
    "cluster is not set: give --cluster, SHERD_CLUSTER or a file",
  );
  expect(() => requireSettings(resolved({ flags: { name: "a" }, environment: { SHERD_CLUSTR: "c" } }))).toThrow(
    "SHERD_CLUSTR is not a setting; did you mean SHERD_CLUSTER?",
  );
  requireSettings(resolved({ flags: { name: "a", cluster: "c" } }));
  requireSettings(resolved({ command: "start" }));
});

test("`sherd start` hands on what is for every node, and nothing that was for the cluster", () => {
  const file = fileWith("cacheMib: 7\nhost: 10.0.0.9\n");
  const environment = { PATH: "/bin", SHERD_RESP_PORT: "7000", SHERD_CONFIG: file, SHERD_GRPC_DEADLINE_MS: "250" };
  const start = resolved({ command: "start", environment, flags: { logRequests: true } });
  expect(handedOn(start, environment)).toEqual({
    PATH: "/bin",
    SHERD_CACHE_MIB: "7",
    SHERD_GRPC_DEADLINE_MS: "250",
    SHERD_LOG_REQUESTS: "true",
  });
});

test("every row: its names are its own, its default is a value, and a text gives the same value", () => {
  const variables = new Set(settingNames().map(variableName));
  expect(variables.size).toBe(settingNames().length);
  for (const name of settingNames()) {
    const { default: value, requiredBy, commands } = SETTINGS[name] as settings.Setting;
    for (const command of commands) {
      expect(requiredBy ?? settings.defaultText(name, command), `${name} for ${command}`).toBeDefined();
    }
    if (value === undefined) continue;
    const judged = fromText(name, settings.textOf(value));
    expect(isValue(judged) && judged.value, name).toEqual(value);
  }
});

test("docs/configuration.md is what the table says", () => {
  const committed = readFileSync(new URL("../../../../../docs/configuration.md", import.meta.url), "utf8");
  expect(committed, "stale; run `node scripts/generate-docs.mjs`").toBe(configurationPage(settings));
});
