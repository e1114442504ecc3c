import {
  type BootCounter,
  ByteReader,
  ByteWriter,
  bytesEqual,
  type DirectoryId,
  type ErrorCode,
  NODES_MAX,
  type NodeId,
  SherdError,
  utf8Bytes,
} from "../base/index.ts";
import type { Env } from "../env/index.ts";
import type { NodeInfo } from "../meta/index.ts";
import { type Hello, MalformedPeerBytes, readId, readNodes, readWhole, writeId, writeNodes } from "./codec.ts";
import type { NodeAddressBook, PeerIdentity, PeersDisk } from "./types.ts";

export const PEERS_FILE = "peers";
const FILE_MAGIC: Uint8Array = utf8Bytes("SHERDPRS");
const FILE_VERSION = 1;
const FILE_HEADER_BYTES = 16;

/** What a piece of news about a node led to. `conflict`: it names another directory than the one known. */
export type Learned = "nothing" | "news" | "conflict";

/**
 * All other nodes that were heard of: where each was at its newest start, and on which directory it lives.
 *
 * The addresses are hints: wrong ones cost time. The directory ids and boot counters are not: they keep a node that
 * lost its disk, or runs on an old copy of it, from voting a second time under its old id. Therefore what a peer says
 * of itself is durable (`meet`) before anything it sends is delivered.
 */
export class Book {
  readonly #env: Env;
  readonly #disk: PeersDisk;
  readonly #self: PeerIdentity;
  readonly #nodes = new Map<NodeId, NodeInfo>();
  /** Counts the changes; `#changedAt` says which was a node's last. Links gossip what is newer than they told. */
  #version = 0;
  readonly #changedAt = new Map<NodeId, number>();
  /** Changed since the file was written. */
  #unsaved = false;
  /** Nodes that may not be forgotten when the book is full. */
  readonly #pinned: (node: NodeId) => boolean;

  /** Throws SHERD_PEERS_DAMAGED, SHERD_DATA_FORMAT or SHERD_DATA_OTHER_CLUSTER. */
  constructor(env: Env, disk: PeersDisk, self: PeerIdentity, pinned: (node: NodeId) => boolean) {
    this.#env = env;
    this.#disk = disk;
    this.#self = self;
    this.#pinned = pinned;
    const file = disk.readFile(PEERS_FILE);
    if (file === undefined) return;
    for (const node of this.#decode(file)) if (node.id !== self.nodeId) this.#put(node);
    this.#unsaved = false;
  }

  get nodes(): NodeAddressBook {
    return this.#nodes;
  }

  get version(): number {
    return this.#version;
  }

  get(node: NodeId): NodeInfo | undefined {
    return this.#nodes.get(node);
  }

  changedSince(version: number): NodeInfo[] {
    const changed: NodeInfo[] = [];
    for (const [id, at] of this.#changedAt) if (at > version) changed.push(this.#nodes.get(id) as NodeInfo);
    return changed;
  }

  /** Why this sender must not be let in, if so. */
  judge(hello: Hello): { code: ErrorCode; detail: string } | undefined {
    const { sender } = hello;
    const who = `node ${sender.name} (${sender.id})`;
    if (hello.cluster !== this.#self.clusterId) {
      return {
        code: "SHERD_PEER_OTHER_CLUSTER",
        detail: `${who} is of cluster ${hello.cluster}, this is ${this.#self.clusterId}.`,
      };
    }
    if (sender.id === this.#self.nodeId) {
      return { code: "SHERD_PEER_SAME_ID", detail: `${who} has the id of the node that it speaks to.` };
    }
    const known = this.#nodes.get(sender.id);
    if (known === undefined) return undefined;
    return contradiction(known.directory, known.bootCounter, sender.directory, sender.bootCounter, who);
  }

  /** What a node says of itself, after `judge` let it pass. Durable when this returns. */
  meet(sender: NodeInfo): Learned {
    const learned = this.learn(sender);
    this.save();
    return learned;
  }

  /** What others say of a node. */
  learn(news: NodeInfo): Learned {
    const known = this.#nodes.get(news.id);
    if (known === undefined) {
      if (!this.#makeRoom()) return "nothing";
      this.#put(news);
      return "news";
    }
    if (known.directory !== undefined && news.directory !== undefined && known.directory !== news.directory) {
      return "conflict";
    }
    if (news.bootCounter > known.bootCounter) {
      this.#put({ ...news, directory: news.directory ?? known.directory });
      return "news";
    }
    if (known.directory === undefined && news.directory !== undefined && news.bootCounter === known.bootCounter) {
      this.#put(news);
      return "news";
    }
    return "nothing";
  }

  /** What the cluster map says, on which a majority agreed: it may also move a node to another directory. */
  learnFromMap(news: NodeInfo): Learned {
    const learned = this.learn(news);
    if (learned !== "conflict") return learned;
    this.#put(news);
    return "news";
  }

  /** What others know about this node itself: why it must end, if so. */
  judgeSelf(news: NodeInfo): { code: ErrorCode; detail: string } | undefined {
    const { directoryId, bootCounter, nodeId } = this.#self;
    return contradiction(news.directory, news.bootCounter, directoryId, bootCounter, `this node (${nodeId})`);
  }

  save(): void {
    if (!this.#unsaved) return;
    this.#disk.writeFile(PEERS_FILE, this.#encode());
    this.#unsaved = false;
  }

  #put(node: NodeInfo): void {
    this.#nodes.set(node.id, node);
    this.#version += 1;
    this.#changedAt.set(node.id, this.#version);
    this.#unsaved = true;
  }

  /** A full book forgets a node that is no member and not connected: such a node has no vote. */
  #makeRoom(): boolean {
    if (this.#nodes.size < NODES_MAX) return true;
    for (const id of this.#nodes.keys()) {
      if (this.#pinned(id)) continue;
      this.#nodes.delete(id);
      this.#changedAt.delete(id);
      return true;
    }
    return false;
  }

  #encode(): Uint8Array {
    const out = new ByteWriter(1024);
    out.bytes(FILE_MAGIC);
    out.u32(FILE_VERSION);
    const checksumAt = out.skip(4);
    writeId(out, this.#self.clusterId);
    writeNodes(out, [...this.#nodes.values()]);
    out.patchU32(checksumAt, this.#env.checksum(out.view().subarray(FILE_HEADER_BYTES)));
    return out.copy();
  }

  #decode(file: Uint8Array): NodeInfo[] {
    const damaged = (why: string): SherdError => new SherdError("SHERD_PEERS_DAMAGED", `File ${PEERS_FILE}: ${why}.`);
    if (file.length < FILE_HEADER_BYTES || !bytesEqual(file.subarray(0, FILE_MAGIC.length), FILE_MAGIC)) {
      throw damaged("it does not begin like one");
    }
    const header = new ByteReader(file, FILE_MAGIC.length);
    const version = header.u32();
    if (version !== FILE_VERSION) {
      throw new SherdError(
        "SHERD_DATA_FORMAT",
        `File ${PEERS_FILE} has format ${version}, this version reads ${FILE_VERSION}.`,
      );
    }
    const content = file.subarray(FILE_HEADER_BYTES);
    if (header.u32() !== this.#env.checksum(content)) throw damaged("its checksum does not match");
    try {
      return readWhole(content, (input) => {
        const cluster = readId(input);
        if (cluster !== this.#self.clusterId) {
          throw new SherdError(
            "SHERD_DATA_OTHER_CLUSTER",
            `File ${PEERS_FILE} is of cluster ${cluster}, this node of ${this.#self.clusterId}.`,
          );
        }
        return readNodes(input);
      });
    } catch (error) {
      if (error instanceof MalformedPeerBytes) throw damaged(error.message);
      throw error;
    }
  }
}

/** Compares what is known of a node with what it presents. */
function contradiction(
  knownDirectory: DirectoryId | undefined,
  knownCounter: BootCounter,
  directory: DirectoryId,
  counter: BootCounter,
  who: string,
): { code: ErrorCode; detail: string } | undefined {
  if (knownDirectory !== undefined && knownDirectory !== directory) {
    return {
      code: "SHERD_DATA_EMPTIED",
      detail: `The cluster knows ${who} with directory ${knownDirectory}, but it has ${directory}.`,
    };
  }
  if (counter < knownCounter) {
    return {
      code: "SHERD_DATA_OLDER_COPY",
      detail: `The cluster has met start ${knownCounter} of ${who}, but this is start ${counter}.`,
    };
  }
  return undefined;
}
