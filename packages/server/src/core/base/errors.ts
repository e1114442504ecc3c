/**
 * Every error a person can meet: a stable code, what happened (filled in where it is thrown) and what to do.
 * `docs/errors.md` is generated from this table and checked in CI.
 */
export const errorCatalogue = {
  // --- starting on a data directory
  SHERD_DATA_IN_USE: "Another process uses this data directory. Stop it, or start this node on another directory.",
  SHERD_DATA_OTHER_CLUSTER:
    "The data directory belongs to another cluster. Start with that cluster's file, or with an empty directory.",
  SHERD_DATA_OTHER_NODE:
    "The data directory belongs to another node. Start it under its own name, or with an empty directory.",
  SHERD_DATA_FORMAT:
    "The data was written in a format that this version does not read. Start the version of sherd that wrote it.",
  SHERD_DATA_EMPTIED:
    "The cluster knows this node with other data. Put the directory back that it had, or leave the node stopped (docs/operations.md, A damaged node): a new one cannot take its place yet.",
  SHERD_DATA_OLDER_COPY:
    "The cluster has met a later start of this node, so this directory is an old copy and lacks votes and entries. Start the newest directory, or leave the node stopped (docs/operations.md, A damaged node): a new one cannot take its place yet.",
  SHERD_DATA_FOREIGN_FILE: "The directory holds files that are not sherd's. Choose an empty directory.",
  // --- the log
  SHERD_LOG_DAMAGED:
    "A record in the middle of the log is damaged. Keep the directory and leave the node stopped: the other nodes serve its shards. It cannot be rebuilt from them yet; what can be done is in docs/operations.md, A damaged node.",
  SHERD_LOG_GAP:
    "The log begins after what the store holds. Keep the directory and leave the node stopped: the other nodes serve its shards. It cannot be rebuilt from them yet; what can be done is in docs/operations.md, A damaged node.",
  SHERD_LOG_ENTRY_TOO_LARGE: "An entry is larger than a log frame may be. This is a bug: please report it.",
  SHERD_DISK_WRITE_FAILED:
    "A write or sync failed, so nothing more can be promised and the node has stopped. Check the disk, then start the node again.",
  SHERD_DISK_FULL:
    "The disk is full and the node has stopped. Free some space, then start the node again; nothing acknowledged is lost.",
  SHERD_DISK_HANGS:
    "A log write did not end in time and the node has stopped. Check the disk, then start the node again.",
  SHERD_DISK_READ_FAILED:
    "A read from the data directory failed. Check the disk, then start the node again; if the file is damaged, see docs/operations.md, A damaged node.",
  // --- the store
  SHERD_STORE_DAMAGED:
    "The store lost or damaged rows it had made durable. Keep the directory and leave the node stopped: the other nodes serve its shards. It cannot be rebuilt from them yet; what can be done is in docs/operations.md, A damaged node.",
  SHERD_ROW_DAMAGED:
    "A row's checksum does not match. The node's other data is served, and this shard by its other replicas. The replica cannot be rebuilt from them yet; what can be done is in docs/operations.md, A damaged node.",
  SHERD_ENGINE_FAILED: "The storage engine failed and the node has stopped. Check the disk, then start the node again.",
  SHERD_SNAPSHOT_DAMAGED: "A snapshot chunk's checksum does not match; the transfer starts again.",
  // --- entries
  SHERD_ENTRY_UNREADABLE:
    "A replicated entry cannot be decoded, so this replica has stopped. Nodes of different versions may be mixed; check their versions.",
  // --- commands
  SHERD_VALUES_TOO_LARGE:
    "Nothing was done. Name fewer keys in one command, or in one EXEC, of which the values are needed.",
  SHERD_TRANSACTION_TOO_COSTLY:
    "Nothing was done. Send fewer commands over large values, or of LCS, in one EXEC: the node does nothing else while it runs.",
  // --- peers
  SHERD_PEER_OTHER_CLUSTER:
    "A node of another cluster answered at this address. Check the cluster file and the addresses.",
  SHERD_PEER_VERSION: "A peer speaks another version of the peer protocol. Upgrade the older node.",
  SHERD_PEER_SAME_ID: "Another process runs under this node's id, with other data. Stop the one that does not belong.",
  SHERD_PEERS_DAMAGED:
    "The file of known peers is damaged. Restore it; or, if no node has lost its data directory, remove it and start with seeds.",
  SHERD_PEER_FRAME: "A peer sent something that is not a valid frame; the connection was closed.",
  // --- configuration
  SHERD_CONFIG_INVALID: "The configuration is not valid. The message names the place.",
  SHERD_ADDRESS_IN_USE: "The address is in use. Choose another port, or stop what listens there.",
  SHERD_TLS_CERTIFICATE:
    "The certificate, its key or its authorities cannot be used. Put the file right; the message names it (docs/security.md).",
  SHERD_TLS_HANDSHAKE:
    "A connection was not made because its TLS handshake failed. Check that both sides speak TLS, and their certificates (docs/security.md).",
  SHERD_INSECURE:
    "Anybody who reaches this address could read and change everything. Give certificates, or users with passwords where only clients connect (docs/security.md); or --insecure, if the network itself keeps strangers away.",
  SHERD_CLUSTER_FILE: "The cluster file cannot be used. The message names the place.",
  SHERD_UNREACHABLE: "No node answered at the given addresses. Check that the cluster runs and the ports are right.",
  SHERD_TLS_MISMATCH:
    "Give --tls where the port speaks TLS, or --ca FILE if its certificate is from an authority of your own; leave --tls, --ca, --cert and --key out where it does not.",
  SHERD_NOT_ADMITTED:
    "The store wants to know who asks. Set SHERD_USER and SHERD_PASSWORD (or give --user and --password) as ACL SETUSER has them.",
  SHERD_NOT_EMPTY: "This check must start from an empty store, so that every answer is known. Use a fresh cluster.",
  SHERD_CHECK_FAILED: "An answer of the store differs from the dictionary. Please report it, with the seed.",
  SHERD_OPERATION_FAILED: "The store did not do it. The message carries the store's own words.",
  SHERD_UNCOUNTED:
    "Without a count nobody knows whether the store is empty. Give --resp-port, or --assume-empty if you know that it is.",
  SHERD_LOCAL_CLUSTER:
    "This needs a running cluster of this machine and its data directory. Start one with `sherd start --data DIR` and give the same DIR.",
  SHERD_NOT_WHOLE: "The cluster did not become whole again. Look at `sherd status` and at the nodes' logs.",
  SHERD_WRITE_LOST: "An acknowledged write is gone. Please report it, with the nodes' data directories and logs.",
  SHERD_NODE_FAILED: "A node ended and could not be brought back. Its log says why.",
} as const;

export type ErrorCode = keyof typeof errorCatalogue;

/** An error with a stable code. `detail` says what happened, and to which shard or file. */
export class SherdError extends Error {
  override readonly name = "SherdError";
  readonly code: ErrorCode;
  readonly detail: string;
  /** What to do about it. */
  readonly advice: string;

  constructor(code: ErrorCode, detail: string, options?: { cause?: unknown }) {
    super(`${code}: ${detail} ${errorCatalogue[code]}`, options);
    this.code = code;
    this.detail = detail;
    this.advice = errorCatalogue[code];
  }
}
