import { createPrivateKey } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { readCertificate, type TlsFiles } from "./certificate.ts";
import { TlsIdentity } from "./identity.ts";
import { TLS_EXPIRY_WARN_AGAIN_MS, TLS_FILE_BYTES_MAX } from "./limits.ts";
import { TestAuthority } from "./testing/authority.ts";

const DAY_MS = 86_400_000;

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

async function openIdentity(
  files: TlsFiles,
  nowMs: () => number = Date.now,
): Promise<{ identity: TlsIdentity; lines: Line[] }> {
  const lines: Line[] = [];
  const log = (level: string, message: string, fields: Record<string, unknown>): void => {
    lines.push({ level, message, fields });
  };
  // Looked at only when the test says so.
  const identity = await TlsIdentity.open({ files, use: "server", name: "client ports", log, checkMs: DAY_MS, nowMs });
  onTestFinished(() => identity.close());
  return { identity, lines };
}

test("files that cannot be used are refused by name, each with its reason", async () => {
  const authority = await TestAuthority.create();
  const good = await authority.issue("good");
  const other = await authority.issue("other");
  const expired = await authority.issue("expired", {
    notBeforeMs: Date.now() - 9 * DAY_MS,
    notAfterMs: Date.now() - DAY_MS,
  });
  const early = await authority.issue("early", {
    notBeforeMs: Date.now() + DAY_MS,
    notAfterMs: Date.now() + 2 * DAY_MS,
  });
  const clientOnly = await authority.issue("client", { usage: "client" });
  const serverOnly = await authority.issue("server", { usage: "server" });
  const foreign = await (await TestAuthority.create("another authority")).issue("foreign");
  const garbage = authority.write("garbage.pem", "not a certificate");
  const large = authority.write("large.pem", "x".repeat(TLS_FILE_BYTES_MAX + 1));
  const encrypted = authority.write(
    "encrypted.key",
    createPrivateKey(readFileSync(good.key)).export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    }) as string,
  );
  const halfBundle = authority.write(
    "half.pem",
    `${readFileSync(good.ca, "utf8").trimEnd()}\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`,
  );
  const glued = authority.write(
    "glued.pem",
    `${readFileSync(good.ca, "utf8").trimEnd()}${readFileSync(good.ca, "utf8")}`,
  );
  const cases: [TlsFiles, RegExp][] = [
    [{ ...good, cert: "/no/such.pem" }, /^\/no\/such\.pem: ENOENT/],
    [{ ...good, cert: authority.directory }, /EISDIR/],
    [{ ...good, cert: garbage }, /garbage\.pem: /],
    [{ ...good, cert: large }, /large\.pem: it is longer than/],
    [{ ...good, key: garbage }, /garbage\.pem: /],
    [{ ...good, key: encrypted }, /encrypted\.key: the key is encrypted/],
    [{ ...good, key: other.key }, /other\.key: it is not the key of the certificate in .*good\.pem/],
    [{ ...good, ca: garbage }, /garbage\.pem: it holds no certificate/],
    [{ ...good, ca: glued }, /glued\.pem: one of its certificates does not begin or end on a line of its own/],
    [{ ...good, ca: halfBundle }, /half\.pem: /],
    [clientOnly, /client\.pem: between nodes a certificate must be for servers and for clients/],
    [serverOnly, /server\.pem: between nodes a certificate must be for servers and for clients/],
    [
      { ...foreign, ca: good.ca },
      /foreign\.pem: no authority of .*ca\.pem has signed it, so other nodes would refuse it/,
    ],
    [expired, /expired\.pem: the certificate has expired on/],
    [early, /early\.pem: the certificate is not valid before/],
  ];
  for (const [files, detail] of cases) {
    await expect(readCertificate(files, "node", Date.now())).rejects.toMatchObject({
      code: "SHERD_TLS_CERTIFICATE",
      detail: expect.stringMatching(detail),
    });
  }
  await expect(readCertificate(clientOnly, "server", Date.now())).rejects.toMatchObject({
    detail: expect.stringContaining("not for servers"),
  });
  // What clients are verified by need not be what they verify a server by.
  await readCertificate({ ...foreign, ca: good.ca }, "server", Date.now());
  await readCertificate(serverOnly, "server", Date.now());
  await readCertificate(await authority.issue("any", { usage: "none" }), "node", Date.now());
  expect((await readCertificate(good, "node", Date.now())).subject).toBe("CN=good");
});

test("between the certificate of a node and its authority there may be others, which stand behind it in the file", async () => {
  const root = await TestAuthority.create("root");
  const middle = await TestAuthority.create("middle", root);
  const { cert, key } = await middle.make("node");
  const chained = {
    cert: middle.write("chained.pem", `${cert.trimEnd()}\n${middle.text}`),
    key: middle.write("node.key", key),
  };
  expect((await readCertificate({ ...chained, ca: root.ca }, "node", Date.now())).subject).toBe("CN=node");
  const bare = { ...chained, cert: middle.write("bare.pem", cert), ca: root.ca };
  await expect(readCertificate(bare, "node", Date.now())).rejects.toThrow(/no authority of .* has signed it/);
});

test("a certificate is replaced when its files change, and told of", async () => {
  const authority = await TestAuthority.create();
  const files = await authority.issue("node");
  const { identity, lines } = await openIdentity(files);
  const first = identity.certificate;
  expect(lines).toMatchObject([{ level: "info", fields: { fingerprint: first.fingerprint } }]);
  const told: string[] = [];
  identity.onChange((certificate) => told.push(certificate.fingerprint));
  await identity.check();
  expect(identity.certificate).toBe(first);

  await authority.replace(files, "node");
  await identity.check();
  expect(identity.certificate.fingerprint).not.toBe(first.fingerprint);
  expect(told).toEqual([identity.certificate.fingerprint]);
  expect(identity.facts).toMatchObject({ subject: "CN=node", reloads: 1, failedReloads: 0 });
  expect(identity.facts.notAfterMs).toBeGreaterThan(Date.now());
});

test("a bad file keeps the old certificate in force, says so once, and a good one after it is taken", async () => {
  const authority = await TestAuthority.create();
  const files = await authority.issue("node");
  const { identity, lines } = await openIdentity(files);
  const first = identity.certificate;
  lines.length = 0;

  // Between the two files of a rotation, say.
  const next = await authority.make("node");
  writeFileSync(files.cert, next.cert);
  await identity.check();
  await identity.check();
  expect(identity.certificate).toBe(first);
  expect(lines).toMatchObject([
    {
      level: "error",
      message: expect.stringContaining("it is not the key"),
      fields: { code: "SHERD_TLS_CERTIFICATE" },
    },
  ]);
  rmSync(files.key);
  await identity.check();
  expect(identity.certificate).toBe(first);
  expect(identity.facts.failedReloads).toBe(2);

  writeFileSync(files.key, next.key);
  await identity.check();
  expect(identity.certificate.fingerprint).not.toBe(first.fingerprint);
});

test("a wish during a reading is for what the files hold after it", async () => {
  const authority = await TestAuthority.create();
  const files = await authority.issue("node");
  const { identity } = await openIdentity(files);
  const reading = identity.reload();
  await authority.replace(files, "node");
  const newest = (await readCertificate(files, "node", Date.now())).fingerprint;
  await Promise.all([reading, identity.reload()]);
  expect(identity.certificate.fingerprint).toBe(newest);
});

test("a certificate that ends soon is warned about once a day, and called expired when it is", async () => {
  const authority = await TestAuthority.create();
  let nowMs = Date.now();
  const files = await authority.issue("node", { notAfterMs: nowMs + 1.5 * DAY_MS });
  const { identity, lines } = await openIdentity(files, () => nowMs);
  const warnings = (): string[] => lines.filter(({ level }) => level !== "info").map(({ level }) => level);
  await identity.check();
  expect(warnings()).toEqual(["warn"]);
  nowMs += TLS_EXPIRY_WARN_AGAIN_MS;
  await identity.check();
  expect(warnings()).toEqual(["warn", "warn"]);
  nowMs += TLS_EXPIRY_WARN_AGAIN_MS;
  await identity.check();
  expect(warnings()).toEqual(["warn", "warn", "error"]);
});
