import { readFileSync } from "node:fs";
import { type RequestOptions, request } from "node:https";
import { afterEach, beforeEach, expect, test } from "vitest";
import { TestAuthority } from "../host/tls/testing/authority.ts";
import { startNode } from "./compose.ts";
import { freePort, HOST, OneNode, takenPort } from "./testing/one-node.ts";

let one: OneNode;
beforeEach(async () => {
  one = await OneNode.create();
});
afterEach(() => one.dispose());

test("a start that fails at its last port leaves nothing open: another one of the same process succeeds", async () => {
  const taken = await takenPort();
  const ports = { peerPort: await freePort(), httpPort: taken.port };
  await expect(startNode(one.config(ports))).rejects.toMatchObject({ code: "SHERD_ADDRESS_IN_USE" });
  await taken.free();
  // The same peer port, log, and LevelDB with its lock.
  const node = await startNode(one.config(ports));
  await node.ready;
  expect(node.status().groups).toHaveLength(3);
  await node.close();
});

test("a node with certificates answers over TLS, replaces them when told, and its metrics say until when they hold", async () => {
  const authority = await TestAuthority.create();
  const files = await authority.issue("a");
  const httpPort = await freePort();
  const tls = { clients: { files, clientAuth: "require" as const }, peers: files };
  const node = await startNode({ ...one.config({ httpPort }), tls });
  await node.ready;
  const notAfterMs = node.certificates.clients?.notAfterMs as number;
  const where = { host: HOST, port: httpPort, path: "/metrics", ca: authority.text, agent: false };
  const page = await body({ ...where, cert: readFileSync(files.cert), key: readFileSync(files.key) });
  expect(page).toContain(`sherd_tls_certificate_expiry_timestamp_seconds{ports="clients"} ${notAfterMs / 1000}\n`);
  expect(page).toContain(`sherd_tls_certificate_expiry_timestamp_seconds{ports="peers"} ${notAfterMs / 1000}\n`);
  expect(page).toContain('sherd_tls_handshakes_total{ports="clients",result="ok"} 1\n');
  await expect(body(where)).rejects.toThrow();
  await authority.replace(files, "a");
  await node.reloadCertificates();
  expect(node.certificates).toMatchObject({ clients: { reloads: 1 }, peers: { reloads: 1 } });
  await node.close();
});

function body(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve(text));
    });
    asked.on("error", reject);
    asked.end();
  });
}

test("a node that would listen to strangers is refused before anything is opened", async () => {
  await expect(startNode({ ...one.config({}), listenHost: "0.0.0.0" })).rejects.toMatchObject({
    code: "SHERD_INSECURE",
  });
});
