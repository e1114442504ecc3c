import { Command } from "commander";
import { expect, test } from "vitest";
import { resolveSettings, SETTINGS, type SettingName, settingNames } from "../daemon/settings/index.ts";
import { asJson, asText } from "./config.ts";
import { addSettingFlags, type SettingFlags } from "./settings.ts";

const resolved = (flags: SettingFlags, environment: Record<string, string> = {}) =>
  resolveSettings({ command: "node", flags, environment });

/** What commander makes of a command line. */
function parsed(...args: string[]): SettingFlags {
  const command = addSettingFlags(new Command(), settingNames("node"), "node").exitOverride();
  return command
    .configureOutput({ writeErr: () => {} })
    .parse(args, { from: "user" })
    .opts();
}

test("a person sees every setting, its value and where it comes from", () => {
  const lines = asText(resolved({ cacheMib: 3 }, { SHERD_NAME: "a" })).split("\n");
  expect(lines[0]).toMatch(/^SETTING +VALUE +FROM$/);
  expect(lines.find((line) => line.startsWith("cacheMib "))).toMatch(/^cacheMib +3 +--cache-mib$/);
  expect(lines.find((line) => line.startsWith("name "))).toMatch(/^name +a +SHERD_NAME$/);
  expect(lines.find((line) => line.startsWith("respPort "))).toMatch(/\(as the cluster file says\) +default$/);
  expect(lines).toHaveLength(settingNames("node").length + 2);
});

test("a program gets the same as JSON", () => {
  const { command, settings } = JSON.parse(asJson(resolved({ cacheMib: 3 }))) as {
    command: string;
    settings: Record<SettingName, object>;
  };
  expect(command).toBe("node");
  expect(settings.cacheMib).toEqual({ value: 3, from: { kind: "flag", flag: "--cache-mib" } });
  expect(settings.respPort).toEqual({ value: null, from: { kind: "default" } });
});

test("nobody sees a secret", () => {
  const secrets = settingNames("node").filter((name) => SETTINGS[name].secret === true);
  expect(secrets).not.toEqual([]);
  for (const name of secrets) {
    const found = resolved({ [name]: "open-sesame" });
    expect(asText(found)).toMatch(new RegExp(`^${name} +\\(secret\\) +--`, "m"));
    expect(asText(found) + asJson(found)).not.toContain("sesame");
  }
});

test("flags are checked as they are read; what was not given is not there", () => {
  expect(parsed()).toEqual({});
  expect(parsed("--cache-mib", "7", "--log-requests", "--seeds", "a:1,b:2")).toEqual({
    cacheMib: 7,
    logRequests: true,
    seeds: ["a:1", "b:2"],
  });
  expect(parsed("--no-log-requests")).toEqual({ logRequests: false });
  expect(() => parsed("--cache-mib", "0")).toThrow("A whole number from 1 to 65536 is wanted, not 0.");
  expect(() => parsed("--cach-mib", "1")).toThrow("unknown option '--cach-mib'");
});
