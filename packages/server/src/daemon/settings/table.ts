import {
  NODES_MAX,
  REPLICAS_PER_GROUP_MAX,
  ROW_CACHE_BYTES_DEFAULT,
  SEEDS_MAX,
  SLOT_COUNT,
} from "../../core/base/index.ts";
import { DEADLINE_MS_DEFAULT, INFLIGHT_DEFAULT } from "../../front/grpc/limits.ts";
import { DEFAULT_PORTS } from "../cluster-file.ts";
import { LOCAL_NODES_DEFAULT, REPLICAS_DEFAULT, SHARDS_DEFAULT } from "../local-cluster.ts";

/** How to add a setting: a line here, a row in the table, and where its value is used (`cli/node.ts` for a node). */

/** Everything that may be set, with the type of its value. The table below has a row for each. */
export interface SettingValues {
  readonly cluster?: string;
  readonly name?: string;
  readonly data?: string;
  readonly nodes?: number;
  readonly shards?: number;
  readonly replicas?: number;
  readonly host?: string;
  readonly listen?: string;
  readonly respPort?: number;
  readonly clusterPort?: number;
  readonly grpcPort?: number;
  readonly peerPort?: number;
  readonly httpPort?: number;
  readonly seeds?: readonly string[];
  readonly cacheMib?: number;
  readonly grpcDeadlineMs?: number;
  readonly maxInflight?: number;
  readonly logRequests?: boolean;
  readonly logLevel?: "debug" | "info" | "warn" | "error";
  readonly logFormat?: "text" | "json";
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
  readonly tlsClientAuth?: "no" | "optional" | "require";
  readonly peerTlsCert?: string;
  readonly peerTlsKey?: string;
  readonly peerTlsCa?: string;
  readonly aclFile?: string;
  readonly requirePass?: string;
  readonly insecure?: boolean;
  readonly enableDebugCommand?: "no" | "local" | "yes";
}

export type SettingName = keyof SettingValues;
/** The commands that take settings. */
export type CommandName = "node" | "start";

interface Row<Value> {
  readonly group: (typeof GROUPS)[number];
  /** What it is, in a few words, without its default. */
  readonly help: string;
  /** The same for `sherd start`, where it means something else. */
  readonly startHelp?: string;
  readonly commands: readonly CommandName[];
  readonly default?: Value;
  /** Where the default is not one value. */
  readonly defaultText?: string;
  /** The same for `sherd start`. */
  readonly startDefaultText?: string;
  /** Without it the command cannot begin. */
  readonly requiredBy?: CommandName;
  /** `sherd start` works it out for each node, instead of handing it on as it is. */
  readonly eachNode?: true;
  /** Shown to nobody. */
  readonly secret?: true;
}

export interface NumberSetting extends Row<number> {
  readonly type: "integer" | "port";
  readonly unit?: "milliseconds" | "MiB";
  readonly min: number;
  readonly max: number;
}
export interface BooleanSetting extends Row<boolean> {
  readonly type: "boolean";
}
/** `path`: in a file it is relative to the file's directory. `reach`: a host as others find it; `listen`: here. */
export interface TextSetting extends Row<string> {
  readonly type: "text" | "path" | "reach" | "listen" | "choice";
  readonly choices?: readonly string[];
}
/** Separated by commas, or a list in a file. */
export interface SocketsSetting extends Row<readonly string[]> {
  readonly type: "sockets";
  readonly itemsMax: number;
}
export type Setting = NumberSetting | BooleanSetting | TextSetting | SocketsSetting;

type SettingOf<Value> = Value extends number
  ? NumberSetting
  : Value extends boolean
    ? BooleanSetting
    : Value extends string
      ? TextSetting
      : SocketsSetting;

const MIB = 1024 * 1024;
const BOTH: readonly CommandName[] = ["node", "start"];
const port = (help: string, base: number): NumberSetting => ({
  type: "port",
  group: "Addresses",
  help,
  startHelp: `${help}; node i adds i`,
  commands: BOTH,
  eachNode: true,
  min: 1,
  max: 65_535,
  defaultText: "as the cluster file says",
  startDefaultText: `as before; at first ${base}`,
});

const pemFile = (help: string, defaultText: string): TextSetting => ({
  type: "path",
  group: "Security",
  help: `${help} (PEM)`,
  commands: BOTH,
  defaultText,
});

/** Headings of docs/configuration.md, in this order. */
export const GROUPS = ["Cluster", "Addresses", "Memory", "gRPC", "Security", "Logs"] as const;

export const SETTINGS: { readonly [Name in SettingName]-?: SettingOf<NonNullable<SettingValues[Name]>> } = {
  cluster: {
    type: "path",
    group: "Cluster",
    help: "the cluster file (see `sherd plan`)",
    commands: ["node"],
    requiredBy: "node",
  },
  name: {
    type: "text",
    group: "Cluster",
    help: "which node of the cluster file this is",
    commands: ["node"],
    requiredBy: "node",
  },
  data: {
    type: "path",
    group: "Cluster",
    help: "parent of the node's data directory",
    startHelp: "where the data is, or will be",
    commands: BOTH,
    eachNode: true,
    default: "./data",
  },
  // No defaults where a second start keeps what the first one chose.
  nodes: {
    type: "integer",
    group: "Cluster",
    help: "processes",
    commands: ["start"],
    min: 1,
    max: NODES_MAX,
    startDefaultText: `as before; at first ${LOCAL_NODES_DEFAULT}`,
  },
  shards: {
    type: "integer",
    group: "Cluster",
    help: "shards; fixed at the first start",
    commands: ["start"],
    min: 1,
    max: SLOT_COUNT,
    startDefaultText: `as before; at first ${SHARDS_DEFAULT}`,
  },
  replicas: {
    type: "integer",
    group: "Cluster",
    help: "replicas of each shard; fixed at the first start",
    commands: ["start"],
    min: 1,
    max: REPLICAS_PER_GROUP_MAX,
    startDefaultText: `as before; at first ${REPLICAS_DEFAULT}, or all nodes`,
  },
  host: {
    type: "reach",
    group: "Addresses",
    help: "where others reach this node",
    startHelp: "where to listen",
    commands: BOTH,
    eachNode: true,
    defaultText: "as the cluster file says",
    startDefaultText: "as before; at first 127.0.0.1",
  },
  listen: {
    type: "listen",
    group: "Addresses",
    help: "where to listen, if not there (in a container: 0.0.0.0)",
    commands: ["node"],
    defaultText: "the same as host",
  },
  respPort: port("RESP port that forwards", DEFAULT_PORTS.respPort),
  clusterPort: port("RESP port that redirects, as Redis Cluster does", DEFAULT_PORTS.clusterPort),
  grpcPort: port("gRPC port", DEFAULT_PORTS.grpcPort),
  peerPort: port("port for other nodes", DEFAULT_PORTS.peerPort),
  httpPort: port("port for health, status and metrics", DEFAULT_PORTS.httpPort),
  seeds: {
    type: "sockets",
    group: "Addresses",
    help: "peer addresses of other nodes (host:port), besides those of the cluster file",
    commands: ["node"],
    itemsMax: SEEDS_MAX,
    defaultText: "none",
  },
  cacheMib: {
    type: "integer",
    group: "Memory",
    help: "size of the cache of rows",
    commands: BOTH,
    unit: "MiB",
    min: 1,
    max: 65_536,
    default: ROW_CACHE_BYTES_DEFAULT / MIB,
  },
  grpcDeadlineMs: {
    type: "integer",
    group: "gRPC",
    help: "for gRPC calls that bring no deadline",
    commands: BOTH,
    unit: "milliseconds",
    min: 1,
    max: 3_600_000,
    default: DEADLINE_MS_DEFAULT,
  },
  maxInflight: {
    type: "integer",
    group: "gRPC",
    help: "gRPC calls that a node works on at once; more wait",
    commands: BOTH,
    min: 1,
    max: 65_536,
    default: INFLIGHT_DEFAULT,
  },
  tlsCert: pemFile(
    "certificate of the ports for clients, which then speak TLS only; with those between it and the authority",
    "plain text",
  ),
  tlsKey: pemFile("its private key, not encrypted", "none"),
  tlsCa: pemFile("authorities that certificates of clients are verified by", "none"),
  tlsClientAuth: {
    type: "choice",
    group: "Security",
    help: "whether clients show certificates; optional: one that is shown must be good",
    commands: BOTH,
    choices: ["no", "optional", "require"],
    defaultText: "require with tlsCa, else no",
  },
  peerTlsCert: pemFile(
    "certificate of this node for other nodes, for servers and clients alike",
    "tlsCert, when there is tlsCa",
  ),
  peerTlsKey: pemFile("its private key, not encrypted", "tlsKey, when there is tlsCa"),
  peerTlsCa: pemFile("authorities of the certificates of all nodes, and of nobody else's", "tlsCa"),
  aclFile: {
    type: "path",
    group: "Security",
    help: "users to begin with, in the format of Redis' ACL files; not read any more once the cluster has users",
    commands: BOTH,
    defaultText: "the default user, who may do everything",
  },
  requirePass: {
    type: "text",
    group: "Security",
    help: "password of the default user to begin with; better in the environment or a file, flags are shown to all users of a machine",
    commands: BOTH,
    defaultText: "none",
    secret: true,
  },
  insecure: {
    type: "boolean",
    group: "Security",
    help: "listen beyond this machine without TLS or passwords: the network keeps strangers away",
    commands: BOTH,
    default: false,
  },
  enableDebugCommand: {
    type: "choice",
    group: "Security",
    help: "whose DEBUG SLEEP and DEBUG SET-ACTIVE-EXPIRE are run: nobody's, those of clients on this machine, everybody's",
    commands: BOTH,
    choices: ["no", "local", "yes"],
    default: "no",
  },
  logRequests: {
    type: "boolean",
    group: "Logs",
    help: "log every gRPC call (level info): method, length of the key, result, milliseconds",
    commands: BOTH,
    default: false,
  },
  logLevel: {
    type: "choice",
    group: "Logs",
    help: "the least that is logged",
    commands: BOTH,
    choices: ["debug", "info", "warn", "error"],
    default: "info",
  },
  logFormat: {
    type: "choice",
    group: "Logs",
    help: "how warnings and errors look on standard error; the log file is always JSON",
    commands: ["node"],
    choices: ["text", "json"],
    default: "text",
  },
};

export const settingNames = (command?: CommandName): SettingName[] =>
  (Object.keys(SETTINGS) as SettingName[]).filter(
    (name) => command === undefined || SETTINGS[name].commands.includes(command),
  );

const words = (name: string, separator: string): string =>
  name.replace(/[A-Z]/g, (capital) => separator + capital.toLowerCase());

/** `cacheMib` → `--cache-mib`. */
export const flagName = (name: SettingName): string => `--${words(name, "-")}`;
/** `cacheMib` → `SHERD_CACHE_MIB`. */
export const variableName = (name: SettingName): string => `SHERD_${words(name, "_").toUpperCase()}`;

const PLACEHOLDERS: Readonly<Record<Exclude<Setting["type"], "boolean">, string>> = {
  integer: "<number>",
  port: "<number>",
  text: "<text>",
  path: "<path>",
  reach: "<host>",
  listen: "<host>",
  choice: "<word>",
  sockets: "<host:port,...>",
};

/** As commander wants it: `--cache-mib <number>`. */
export function flagUsage(name: SettingName): string {
  const { type } = SETTINGS[name];
  return type === "boolean" ? flagName(name) : `${flagName(name)} ${PLACEHOLDERS[type]}`;
}

export function helpOf(name: SettingName, command: CommandName): string {
  const setting: Setting = SETTINGS[name];
  return command === "start" ? (setting.startHelp ?? setting.help) : setting.help;
}

/** What holds when nothing is said, in words; undefined: nothing does. */
export function defaultText(name: SettingName, command: CommandName): string | undefined {
  const setting: Setting = SETTINGS[name];
  if (setting.default !== undefined) return String(setting.default);
  return command === "start" ? (setting.startDefaultText ?? setting.defaultText) : setting.defaultText;
}
