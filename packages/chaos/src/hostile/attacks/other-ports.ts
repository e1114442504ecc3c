import { type ClientHttp2Session, connect, constants } from "node:http2";
import { type Attack, type Ground, type Tally, times } from "../attack.ts";
import { crowd, RawSocket } from "../raw-socket.ts";

const MIB = 1024 * 1024;
const AT_ONCE = 16;
/** Some of these stay until the server asks for a sign of life. */
const HTTP2_AT_ONCE = 64;
/** An attacker gives up a call after so long. */
const CALL_MS = 10_000;
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** Magic and version of a node's stream; docs/formats/peer.md. */
const PEER_PREAMBLE = Buffer.from("534845524450520a01000000", "hex");

async function send(port: number, { target }: Ground, bytes: Uint8Array, tally: Tally): Promise<void> {
  const socket = new RawSocket(target.host, port);
  if (!(await socket.opened)) return tally.count("refused");
  if (await socket.finish(bytes)) tally.count("closed");
  else tally.fail("STILL OPEN");
}

/** Length, CRC and type as frames have them, and nonsense within. */
function peerFrame(ground: Ground): Buffer {
  const { dice } = ground;
  const body = dice.bytes(dice.below(300));
  const header = dice.bytes(9);
  header.writeUInt32LE(dice.pick([body.length, dice.next(), 0, 0xffff_ffff, 32 * MIB]), 0);
  return Buffer.concat([header, body]);
}

const peer: Attack = {
  name: "peer port: frames",
  what: "noise, and streams that begin as a node's and go on with broken frames",
  run: (ground, tally) =>
    crowd(times(ground, 5_000), AT_ONCE, async (n) => {
      const { dice } = ground;
      const frames = Array.from({ length: 1 + dice.below(5) }, () => peerFrame(ground));
      const bytes = n % 3 === 0 ? dice.bytes(1 + dice.below(2_048)) : Buffer.concat([PEER_PREAMBLE, ...frames]);
      await send(ground.target.peerPort, ground, n % 3 === 2 ? dice.mutate(bytes) : bytes, tally);
    }),
};

const http2: Attack = {
  name: "gRPC: HTTP/2 noise",
  what: "noise, and streams that begin as HTTP/2 and go on with broken frames",
  run: (ground, tally) =>
    crowd(times(ground, 3_000), HTTP2_AT_ONCE, async (n) => {
      const { dice } = ground;
      const noise = dice.bytes(1 + dice.below(2_048));
      await send(
        ground.target.grpcPort,
        ground,
        n % 2 === 0 ? noise : Buffer.concat([Buffer.from(PREFACE), noise]),
        tally,
      );
    }),
};

/** One call with a body as it comes; what the trailers say. */
function call(session: ClientHttp2Session, path: string, body: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const stream = session.request({
      [constants.HTTP2_HEADER_METHOD]: "POST",
      [constants.HTTP2_HEADER_PATH]: path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    let status: string | undefined;
    const take = (headers: object): void => {
      const found = (headers as Record<string, unknown>)["grpc-status"];
      if (found !== undefined) status = `gRPC status ${found as string}`;
    };
    stream.on("response", take).on("trailers", take).resume();
    stream.on("error", () => {});
    stream.setTimeout(CALL_MS, () => stream.close(constants.NGHTTP2_CANCEL));
    stream.on("close", () => resolve(status ?? "stream reset"));
    stream.end(body);
  });
}

function message(bytes: Uint8Array, length = bytes.length, compressed = 0): Buffer {
  const header = Buffer.alloc(5);
  header[0] = compressed;
  header.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([header, bytes]);
}

const grpc: Attack = {
  name: "gRPC: messages",
  what: "calls whose messages are noise, cut short, said to be compressed or too large, to methods that exist and not",
  async run(ground, tally) {
    const { dice } = ground;
    const paths = [
      "/KVStore/Get",
      "/KVStore/Put",
      "/KVStore/Delete",
      "/KVStore/Nothing",
      "/",
      "/grpc.health.v1.Health/Check",
    ];
    await crowd(times(ground, 4_000), AT_ONCE, async (n) => {
      const session = connect(`http://${ground.target.host}:${ground.target.grpcPort}`);
      session.on("error", () => {});
      const noise = dice.bytes(dice.below(400));
      const body = [
        () => message(noise),
        () => message(noise, dice.next()),
        () => message(noise, noise.length, 1),
        () => noise,
        () => (n % 97 === 0 ? message(Buffer.alloc(20 * MIB)) : message(Buffer.alloc(0))),
      ][n % 5] as () => Buffer;
      tally.count(await call(session, dice.pick(paths), body()));
      session.destroy();
    });
  },
};

const http: Attack = {
  name: "HTTP",
  what: "noise, endless headers and requests that never end, to the port of health and metrics",
  run: (ground, tally) =>
    crowd(times(ground, 1_000), AT_ONCE, async (n) => {
      const { dice } = ground;
      const bodies = [
        () => dice.bytes(1_000),
        () => Buffer.from(`GET /${"x".repeat(100_000)} HTTP/1.1\r\n\r\n`),
        () => Buffer.from(`GET /healthz HTTP/1.1\r\nHost: x\r\n${"a: b\r\n".repeat(20_000)}\r\n`),
        () => Buffer.from("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc"),
        () => Buffer.from("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100)),
      ];
      await send(ground.target.httpPort, ground, (bodies[n % bodies.length] as () => Buffer)(), tally);
    }),
};

export const otherPorts: readonly Attack[] = [peer, http2, grpc, http];
