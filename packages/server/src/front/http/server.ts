import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { Access } from "../../core/access/index.ts";
import { utf8Bytes } from "../../core/base/index.ts";
import { type CommandSpec, commandByName } from "../../core/command/index.ts";
import type { NodeApi } from "../../core/node/index.ts";
import { guardTlsServer, tlsServerOptions } from "../../host/tls/index.ts";
import { refusalOf } from "../credentials.ts";
import { CLOSE_GRACE_MS, type Front, type Listen, listen } from "../listen.ts";

/** A client that does not send its request within this is cut off. */
const REQUEST_MS_MAX = 10_000;

export interface HttpOptions extends Listen {
  /** Who may see `/status` and `/metrics`: who may run INFO. Undefined: everybody. */
  readonly access?: Access;
  /** What `/metrics` shows. */
  readonly metrics?: { readonly contentType: string; text(): Promise<string> };
}

/** Starts `/healthz`, `/readyz`, `/status` and `/metrics`. */
export async function startHttp(node: NodeApi, options: HttpOptions): Promise<Front> {
  const { server, endHandshakes } = httpServer(options, (request, response) => {
    const path = (request.url ?? "").split("?", 1)[0] as string;
    request.resume();
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      send(response, 405, "text/plain", "only GET\n");
      return;
    }
    const forbidden = PROTECTED.has(path) ? statusForbidden(node, options.access, request) : undefined;
    if (forbidden !== undefined) {
      refuse(response, forbidden);
      return;
    }
    if (path === "/metrics" && options.metrics !== undefined) answerMetrics(node, options.metrics, response);
    else answer(node, path, response);
  });
  const port = await listen(server, "HTTP", options);
  return {
    host: options.host,
    port,
    close: () =>
      new Promise((resolve) => {
        const grace = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
        server.close(() => {
          clearTimeout(grace);
          resolve();
        });
        endHandshakes();
        server.closeIdleConnections();
      }),
  };
}

/** What tells about the cluster. Health is for load balancers, which have no users. */
const PROTECTED: ReadonlySet<string> = new Set(["/status", "/metrics"]);
const INFO = commandByName(utf8Bytes("info")) as CommandSpec;

function statusForbidden(
  node: NodeApi,
  access: Access | undefined,
  request: IncomingMessage,
): 401 | 403 | 503 | undefined {
  if (access === undefined) return undefined;
  const { remoteAddress = "?", remotePort = 0 } = request.socket;
  const { authorization } = request.headers;
  const asker = { authorization, address: `${remoteAddress}:${remotePort}`, protocol: "HTTP" };
  const refusal = refusalOf(node, access, asker, INFO, []);
  if (refusal === undefined) return undefined;
  if (refusal === "loading") return 503;
  return refusal === "unauthenticated" ? 401 : 403;
}

function refuse(response: ServerResponse, code: 401 | 403 | 503): void {
  if (code === 503) {
    send(response, code, "text/plain", "the node has not heard who may come in since it started: try again\n");
    return;
  }
  if (code === 403) {
    send(response, code, "text/plain", "the user may not run INFO, which this is\n");
    return;
  }
  response.setHeader("www-authenticate", 'Basic realm="sherd", charset="UTF-8"');
  // Whoever guesses passwords needs a connection for each.
  response.setHeader("connection", "close");
  send(response, code, "text/plain", "a user and a password are wanted\n");
}

function httpServer({ tls }: Listen, onRequest: RequestListener): { server: Server; endHandshakes(): void } {
  const limits = { requestTimeout: REQUEST_MS_MAX, headersTimeout: REQUEST_MS_MAX };
  if (tls === undefined) return { server: createServer(limits, onRequest), endHandshakes: () => {} };
  const server = createHttpsServer({ ...limits, ...tlsServerOptions(tls) }, onRequest);
  return { server, endHandshakes: guardTlsServer(server, tls, "HTTP port") };
}

function answer(node: NodeApi, path: string, response: ServerResponse): void {
  switch (path) {
    case "/healthz":
      // That the loop turns and this is sent is what it says.
      send(response, 200, "text/plain", "ok\n");
      return;
    case "/readyz":
      if (node.status().ready) send(response, 200, "text/plain", "ready\n");
      else
        send(
          response,
          503,
          "text/plain",
          "not ready: a replica has no leader, or the cluster's map has not been heard of since the start\n",
        );
      return;
    case "/status":
      send(response, 200, "application/json", `${JSON.stringify(statusOf(node), undefined, 2)}\n`);
      return;
    default:
      send(response, 404, "text/plain", "known paths: /healthz /readyz /status /metrics\n");
  }
}

function answerMetrics(node: NodeApi, metrics: NonNullable<HttpOptions["metrics"]>, response: ServerResponse): void {
  metrics.text().then(
    (body) => {
      response.writeHead(200, { "content-type": metrics.contentType, "cache-control": "no-store" });
      response.end(body);
    },
    (error: unknown) => {
      // Whoever only looks at the node must not end it.
      node.complain("metrics", "the page of metrics could not be made", { path: "/metrics", error: String(error) });
      send(response, 500, "text/plain", "the page could not be made: the node's log says why\n");
    },
  );
}

/** The node's state and its copy of the cluster map. */
function statusOf(node: NodeApi): Record<string, unknown> {
  const { clusterId, version, nodes, metaReplicas, shards } = node.map;
  return {
    ...node.status(),
    keys: node.figures.keyCounts.keys,
    map: {
      clusterId,
      version,
      nodes: [...nodes.values()],
      metaReplicas,
      shards: shards.map((shard) => ({ ...shard, leader: node.leaderOf(shard.group) })),
    },
  };
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": `${type}; charset=utf-8`, "cache-control": "no-store" });
  response.end(body);
}
