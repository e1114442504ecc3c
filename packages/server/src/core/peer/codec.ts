import {
  assert,
  type BootCounter,
  ByteReader,
  type ByteWriter,
  bootCounter,
  type ClusterId,
  clusterId,
  type DirectoryId,
  directoryId,
  type ErrorCode,
  NODE_HOST_BYTES_MAX,
  NODE_NAME_BYTES_MAX,
  NODES_MAX,
  type NodeId,
  nodeId,
  ShortInput,
  utf8,
  utf8Bytes,
} from "../base/index.ts";
import type { NodeInfo } from "../meta/index.ts";

/** The bytes of docs/formats/peer.md. What is read comes from outside: it throws `MalformedPeerBytes`, nothing else. */
export class MalformedPeerBytes extends Error {
  override readonly name = "MalformedPeerBytes";
}

/** Raised with every change of a frame. The preamble never changes: it tells two versions apart. */
export const PEER_PROTOCOL_VERSION = 1;
const MAGIC: Uint8Array = utf8Bytes("SHERDPR\n");
export const PREAMBLE_BYTES: number = MAGIC.length + 4;

/** First byte of a frame's body. */
export const FRAME_HELLO = 1;
export const FRAME_REFUSE = 2;
export const FRAME_MESSAGES = 3;
export const FRAME_GOSSIP = 4;
export const FRAME_PING = 5;
export const FRAME_PONG = 6;

export interface Hello {
  readonly cluster: ClusterId;
  /** Whom the dialer means to reach; undefined: whoever is there (a seed). */
  readonly expected: NodeId | undefined;
  readonly sender: NodeInfo & { readonly directory: DirectoryId };
  readonly gossip: readonly NodeInfo[];
}

export interface Refusal {
  readonly code: ErrorCode;
  /** Who refuses: the advice of another cluster is not taken. */
  readonly cluster: ClusterId;
  readonly node: NodeId;
  readonly detail: string;
}

const REFUSAL_CODES: readonly ErrorCode[] = [
  "SHERD_PEER_OTHER_CLUSTER",
  "SHERD_DATA_EMPTIED",
  "SHERD_DATA_OLDER_COPY",
  "SHERD_PEER_SAME_ID",
];
const DETAIL_BYTES_MAX = 1_024;

const ID_BYTES = 20;
const HEX = "0123456789abcdef";
const NO_ID: Uint8Array = new Uint8Array(ID_BYTES);

export function writeId(out: ByteWriter, hex: string): void {
  assert(hex.length === ID_BYTES * 2, "an id is 40 hex digits");
  for (let i = 0; i < hex.length; i += 2) out.u8(Number.parseInt(hex.slice(i, i + 2), 16));
}

export function readId(input: ByteReader): string {
  let hex = "";
  for (const byte of input.take(ID_BYTES)) hex += (HEX[byte >> 4] as string) + (HEX[byte & 15] as string);
  return hex;
}

function readOptionalId(input: ByteReader): string | undefined {
  const id = readId(input);
  return /^0+$/.test(id) ? undefined : id;
}

function writeShortText(out: ByteWriter, text: string, bytesMax: number): void {
  const bytes = utf8Bytes(text);
  assert(bytes.length <= bytesMax, "a node's name and host fit their length byte");
  out.u8(bytes.length);
  out.bytes(bytes);
}

/** `ByteReader.u64` asserts; a number from outside that is too large is a malformed frame, not a broken invariant. */
function readCounter(input: ByteReader): BootCounter {
  const low = input.u32();
  const high = input.u32();
  if (high >= 0x20_0000) throw new MalformedPeerBytes("a boot counter is beyond 2^53");
  return bootCounter(high * 0x1_0000_0000 + low);
}

/** What a name or an IP address consists of: nothing else is ever given to a resolver. */
const HOST = /^[0-9A-Za-z._:%-]*$/;

export const isHost = (text: string): boolean => HOST.test(text) && text.length <= NODE_HOST_BYTES_MAX;

function writeNode(out: ByteWriter, node: NodeInfo): void {
  writeId(out, node.id);
  if (node.directory === undefined) out.bytes(NO_ID);
  else writeId(out, node.directory);
  out.u64(node.bootCounter);
  writeShortText(out, node.name, NODE_NAME_BYTES_MAX);
  const { host, peerPort, respPort, clusterPort, grpcPort, httpPort } = node.addresses;
  writeShortText(out, host, NODE_HOST_BYTES_MAX);
  for (const port of [peerPort, respPort, clusterPort, grpcPort, httpPort]) out.u16(port);
}

function readNode(input: ByteReader): NodeInfo {
  const id = nodeId(readId(input));
  const directory = readOptionalId(input);
  const counter = readCounter(input);
  const name = utf8(input.take(input.u8()));
  const host = utf8(input.take(input.u8()));
  if (!isHost(host)) throw new MalformedPeerBytes("a host that is neither a name nor an IP address");
  const addresses = {
    host,
    peerPort: input.u16(),
    respPort: input.u16(),
    clusterPort: input.u16(),
    grpcPort: input.u16(),
    httpPort: input.u16(),
  };
  return {
    id,
    name,
    addresses,
    bootCounter: counter,
    directory: directory === undefined ? undefined : directoryId(directory),
  };
}

export function writeNodes(out: ByteWriter, nodes: readonly NodeInfo[]): void {
  assert(nodes.length <= NODES_MAX, "a node knows a bounded number of others");
  out.u16(nodes.length);
  for (const node of nodes) writeNode(out, node);
}

export function readNodes(input: ByteReader): NodeInfo[] {
  const count = input.u16();
  if (count > NODES_MAX) throw new MalformedPeerBytes(`${count} nodes, more than ${NODES_MAX}`);
  const nodes: NodeInfo[] = [];
  for (let i = 0; i < count; i += 1) nodes.push(readNode(input));
  return nodes;
}

/** Runs a reader over a whole input: fields that end early or bytes that are left over are both malformed. */
export function readWhole<T>(bytes: Uint8Array, read: (input: ByteReader) => T): T {
  const input = new ByteReader(bytes);
  try {
    const value = read(input);
    if (input.remaining > 0) throw new MalformedPeerBytes(`${input.remaining} bytes too many`);
    return value;
  } catch (error) {
    if (error instanceof ShortInput) throw new MalformedPeerBytes(error.message);
    throw error;
  }
}

export function writePreamble(out: ByteWriter): void {
  out.bytes(MAGIC);
  out.u32(PEER_PROTOCOL_VERSION);
}

/** The version, or undefined when whoever is there does not speak this protocol at all. */
export function readPreamble(bytes: Uint8Array): number | undefined {
  for (let i = 0; i < MAGIC.length; i += 1) if (bytes[i] !== MAGIC[i]) return undefined;
  return new ByteReader(bytes, MAGIC.length).u32();
}

export function writeHello(out: ByteWriter, hello: Hello): void {
  out.u8(FRAME_HELLO);
  writeId(out, hello.cluster);
  if (hello.expected === undefined) out.bytes(NO_ID);
  else writeId(out, hello.expected);
  writeNode(out, hello.sender);
  writeNodes(out, hello.gossip);
}

/** `body` without the kind, as in all readers below. */
export function readHello(body: Uint8Array): Hello {
  return readWhole(body, (input) => {
    const cluster = clusterId(readId(input));
    const expected = readOptionalId(input);
    const sender = readNode(input);
    const { directory } = sender;
    if (directory === undefined) throw new MalformedPeerBytes("a hello without a directory id");
    return {
      cluster,
      expected: expected === undefined ? undefined : nodeId(expected),
      sender: { ...sender, directory },
      gossip: readNodes(input),
    };
  });
}

export function writeRefusal(out: ByteWriter, refusal: Refusal): void {
  const reason = REFUSAL_CODES.indexOf(refusal.code);
  assert(reason >= 0, "a refusal has one of the refusal codes");
  out.u8(FRAME_REFUSE);
  out.u8(reason + 1);
  writeId(out, refusal.cluster);
  writeId(out, refusal.node);
  const detail = utf8Bytes(refusal.detail).subarray(0, DETAIL_BYTES_MAX);
  out.block(detail);
}

export function readRefusal(body: Uint8Array): Refusal {
  return readWhole(body, (input) => {
    const code = REFUSAL_CODES[input.u8() - 1];
    if (code === undefined) throw new MalformedPeerBytes("an unknown reason of refusal");
    return { code, cluster: clusterId(readId(input)), node: nodeId(readId(input)), detail: utf8(input.block()) };
  });
}

export function readGossip(body: Uint8Array): NodeInfo[] {
  return readWhole(body, readNodes);
}

export const PING_BODY: Uint8Array = new Uint8Array([FRAME_PING]);
export const PONG_BODY: Uint8Array = new Uint8Array([FRAME_PONG]);
