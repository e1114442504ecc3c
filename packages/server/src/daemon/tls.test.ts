import { expect, onTestFinished, test } from "vitest";
import { TestAuthority } from "../host/tls/testing/authority.ts";
import { checkExposure } from "./exposure.ts";
import { NodeTls, tlsSettings } from "./tls.ts";

const PAIR = { tlsCert: "c.pem", tlsKey: "c.key" };
const CLIENT_FILES = { cert: "c.pem", key: "c.key", ca: undefined };

test("without settings all is plain text; a certificate alone is for clients, who need none", () => {
  expect(tlsSettings({})).toEqual({ clients: undefined, peers: undefined });
  expect(tlsSettings(PAIR)).toEqual({ clients: { files: CLIENT_FILES, clientAuth: "no" }, peers: undefined });
});

test("with an authority clients show certificates unless told otherwise, and nodes use the same files", () => {
  const files = { cert: "c.pem", key: "c.key", ca: "ca.pem" };
  expect(tlsSettings({ ...PAIR, tlsCa: "ca.pem" })).toEqual({
    clients: { files, clientAuth: "require" },
    peers: files,
  });
  for (const clientAuth of ["no", "optional", "require"] as const) {
    const { clients, peers } = tlsSettings({ ...PAIR, tlsCa: "ca.pem", tlsClientAuth: clientAuth });
    expect([clients?.clientAuth, peers]).toEqual([clientAuth, files]);
  }
});

test("nodes may have files of their own, with or without TLS for clients", () => {
  const own = { peerTlsCert: "p.pem", peerTlsKey: "p.key", peerTlsCa: "p-ca.pem" };
  const peers = { cert: "p.pem", key: "p.key", ca: "p-ca.pem" };
  expect(tlsSettings(own)).toEqual({ clients: undefined, peers });
  expect(tlsSettings({ ...PAIR, tlsCa: "ca.pem", ...own }).peers).toEqual(peers);
});

test.each([
  [{ tlsCert: "c" }, "tlsCert is set, but not tlsKey (--tls-key)."],
  [{ tlsKey: "k" }, "tlsKey is set, but not tlsCert (--tls-cert)."],
  [{ tlsCa: "a" }, "tlsCa is set, but not tlsCert (--tls-cert) and tlsKey (--tls-key)."],
  [{ tlsClientAuth: "no" }, "tlsClientAuth is set, but not tlsCert (--tls-cert) and tlsKey (--tls-key)."],
  [{ ...PAIR, tlsClientAuth: "optional" }, "tlsClientAuth is set, but not tlsCa (--tls-ca)."],
  [
    { ...PAIR, peerTlsCa: "a" },
    "peerTlsCa is set, but not peerTlsCert (--peer-tls-cert) and peerTlsKey (--peer-tls-key).",
  ],
] as const)("a part that is missing is named: %j", (values, detail) => {
  expect(() => tlsSettings(values)).toThrow(expect.objectContaining({ code: "SHERD_CONFIG_INVALID", detail }));
});

test("the certificates of both kinds of ports are opened, read again and told of; a bad one refuses the start", async () => {
  const authority = await TestAuthority.create();
  const [clients, peers] = [await authority.issue("c"), await authority.issue("p")];
  const tls = await NodeTls.open({ clients: { files: clients, clientAuth: "no" }, peers }, () => undefined);
  onTestFinished(() => tls.close());
  expect(tls.facts).toMatchObject({ clients: { subject: "CN=c" }, peers: { subject: "CN=p" } });
  await Promise.all([authority.replace(clients, "c2"), authority.replace(peers, "p2")]);
  await tls.reload();
  expect(tls.facts).toMatchObject({
    clients: { subject: "CN=c2", reloads: 1 },
    peers: { subject: "CN=p2", reloads: 1 },
  });
  const missing = { clients: { files: clients, clientAuth: "no" as const }, peers: { ...peers, key: "/no/such.key" } };
  await expect(NodeTls.open(missing, () => undefined)).rejects.toMatchObject({ code: "SHERD_TLS_CERTIFICATE" });
});

// --- the gate

const files = { cert: "c", key: "k", ca: "a" };
const both = { clients: { files, clientAuth: "require" as const }, peers: files };

test.each(["127.0.0.1", "127.9.9.9", "::1", "localhost"])("on %s nothing is asked for", async (listenHost) => {
  await checkExposure({ listenHost });
});

test.each(["0.0.0.0", "::", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1", "no-such-host.invalid"])(
  "on %s a node without TLS and passwords refuses to start, unless told that it may",
  async (listenHost) => {
    const refused = (detail: RegExp): unknown =>
      expect.objectContaining({ code: "SHERD_INSECURE", detail: expect.stringMatching(detail) });
    await expect(checkExposure({ listenHost })).rejects.toEqual(
      refused(/neither TLS nor users.*port for nodes has no TLS/),
    );
    await expect(checkExposure({ listenHost, passwords: true })).rejects.toEqual(
      refused(/and the port for nodes has no TLS/),
    );
    const clientsOnly = { clients: both.clients, peers: undefined };
    await expect(checkExposure({ listenHost, tls: clientsOnly })).rejects.toEqual(refused(/and the port for nodes/));
    await expect(checkExposure({ listenHost, tls: { peers: files } })).rejects.toEqual(
      refused(/neither TLS nor users/),
    );
    await checkExposure({ listenHost, tls: both });
    await checkExposure({ listenHost, tls: { peers: files }, passwords: true });
    await checkExposure({ listenHost, insecure: true });
  },
);
