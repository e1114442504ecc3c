import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { FakeServer, integer, OK } from "../../../client/src/testing/fake-server.ts";
import { register as registerAcl } from "./acl.ts";
import { basicAuthorization, credentialsOf } from "./credentials.ts";
import { register as registerKv } from "./kv.ts";
import { runCli } from "./testing/run-cli.ts";

afterEach(() => vi.unstubAllEnvs());

/** Lets in whoever has the password. */
async function store(): Promise<FakeServer> {
  const server = await FakeServer.start((args) => {
    if (args[0] === "AUTH") return args[2] === "pw" ? OK : "-WRONGPASS invalid username-password pair\r\n";
    if (args[0] === "DEL") return integer(1);
    return OK;
  });
  onTestFinished(() => server.stop());
  return server;
}

test("flags weigh more than the environment; a user alone is half of it", () => {
  expect(credentialsOf({}, {})).toBeUndefined();
  expect(credentialsOf({}, { SHERD_PASSWORD: "", SHERD_USER: "alice" })).toBeUndefined();
  expect(credentialsOf({}, { SHERD_PASSWORD: "pw" })).toEqual({ username: "default", password: "pw" });
  const environment = { SHERD_PASSWORD: "pw", SHERD_USER: "alice" };
  expect(credentialsOf({}, environment)).toEqual({ username: "alice", password: "pw" });
  expect(credentialsOf({ user: "bob", password: "x" }, environment)).toEqual({ username: "bob", password: "x" });
  expect(() => credentialsOf({ user: "bob" }, {})).toThrow(/--user needs a password/);
  expect(basicAuthorization({ username: "a", password: "b:c" })).toBe("Basic YTpiOmM=");
});

test("a subcommand names itself before it asks", async () => {
  const server = await store();
  vi.stubEnv("SHERD_PASSWORD", "pw");
  expect(await runCli(registerKv, ["put", "k", "v", "--port", `${server.port}`, "--user", "alice"])).toMatchObject({
    code: 0,
  });
  expect(server.commands).toEqual(["AUTH alice pw", "AUTH alice pw", "SET k v"]);
});

test("a wrong password is told as such", async () => {
  const server = await store();
  const { code, err } = await runCli(registerKv, ["get", "k", "--port", `${server.port}`, "--password", "no"]);
  expect(code).toBe(2);
  expect(err).toMatch(/SHERD_NOT_ADMITTED: RESP at 127\.0\.0\.1:\d+: WRONGPASS invalid username-password pair\./);
});

test("acl load sends the users of a file, with hashes for passwords", async () => {
  const server = await store();
  const directory = mkdtempSync(join(tmpdir(), "sherd-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const file = join(directory, "users.acl");
  writeFileSync(file, "user alice on >secret ~a* +get\nuser default off\n");
  expect(await runCli(registerAcl, ["acl", "load", file, "--port", `${server.port}`])).toEqual({
    code: 0,
    out: "2 users are in force\n",
    err: "",
  });
  expect(server.commands).toEqual([
    "PING",
    expect.stringMatching(/^ACL SETUSER alice reset on #[0-9a-f]{64} ~a\* resetchannels -@all \+get$/),
    "ACL SETUSER default reset off resetchannels -@all",
  ]);
  writeFileSync(file, "user alice +nosuch\n");
  const refused = await runCli(registerAcl, ["acl", "load", file, "--port", `${server.port}`]);
  expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/users\.acl:1: Unknown command/) });
});
