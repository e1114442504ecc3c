import { SherdError } from "../core/base/index.ts";
import {
  type CertificateFacts,
  type ClientAuth,
  type TlsFiles,
  TlsIdentity,
  type TlsLog,
  type TlsPort,
} from "../host/tls/index.ts";
import { flagName, type SettingName, type SettingValues } from "./settings/index.ts";

/** What a node is told of TLS. */
export interface TlsSettings {
  /** Of the ports for clients: RESP, gRPC and HTTP. Undefined: they speak plain text. */
  readonly clients?: { readonly files: TlsFiles; readonly clientAuth: Exclude<ClientAuth, "peer"> } | undefined;
  /** Between nodes. Undefined: they speak plain text. */
  readonly peers?: TlsFiles | undefined;
}

type Values = Pick<
  SettingValues,
  "tlsCert" | "tlsKey" | "tlsCa" | "tlsClientAuth" | "peerTlsCert" | "peerTlsKey" | "peerTlsCa"
>;

/** Throws SHERD_CONFIG_INVALID when a part is missing: half of it would be taken for the whole. */
export function tlsSettings(values: Values): TlsSettings {
  const clients = clientSettings(values);
  const own = together(values, ["peerTlsCert", "peerTlsKey", "peerTlsCa"]);
  const { peerTlsCert, peerTlsKey, peerTlsCa } = values;
  if (own && peerTlsCert !== undefined && peerTlsKey !== undefined) {
    return { clients, peers: { cert: peerTlsCert, key: peerTlsKey, ca: peerTlsCa } };
  }
  // Nodes verify each other, so without an authority there is nothing that they could share with the clients' ports.
  return { clients, peers: clients?.files.ca === undefined ? undefined : clients.files };
}

function clientSettings(values: Values): TlsSettings["clients"] {
  const { tlsCert, tlsKey, tlsCa, tlsClientAuth } = values;
  if (!together(values, ["tlsCert", "tlsKey"]) || tlsCert === undefined || tlsKey === undefined) {
    for (const name of ["tlsCa", "tlsClientAuth"] as const) {
      if (values[name] !== undefined) throw incomplete(name, ["tlsCert", "tlsKey"]);
    }
    return undefined;
  }
  if (tlsClientAuth !== undefined && tlsClientAuth !== "no" && tlsCa === undefined) {
    throw incomplete("tlsClientAuth", ["tlsCa"]);
  }
  const clientAuth = tlsClientAuth ?? (tlsCa === undefined ? "no" : "require");
  return { files: { cert: tlsCert, key: tlsKey, ca: tlsCa }, clientAuth };
}

/** Whether they are given: all, or none. */
function together(values: Values, names: readonly (keyof Values)[]): boolean {
  const missing = names.filter((name) => values[name] === undefined);
  const given = names.find((name) => values[name] !== undefined);
  if (given !== undefined && missing.length > 0) throw incomplete(given, missing);
  return given !== undefined;
}

function incomplete(given: SettingName, missing: readonly SettingName[]): SherdError {
  const wanted = missing.map((name) => `${name} (${flagName(name)})`).join(" and ");
  return new SherdError("SHERD_CONFIG_INVALID", `${given} is set, but not ${wanted}.`);
}

/** The certificates of a node while it runs. */
export class NodeTls {
  readonly clients: TlsPort | undefined;
  readonly peers: TlsIdentity | undefined;

  /** Rejects with SHERD_TLS_CERTIFICATE. */
  static async open({ clients, peers }: TlsSettings, log: TlsLog): Promise<NodeTls> {
    const forClients =
      clients === undefined
        ? undefined
        : await TlsIdentity.open({ files: clients.files, use: "server", name: "client ports", log });
    try {
      const forPeers =
        peers === undefined ? undefined : await TlsIdentity.open({ files: peers, use: "node", name: "peer port", log });
      return new NodeTls(
        forClients === undefined || clients === undefined
          ? undefined
          : { identity: forClients, clientAuth: clients.clientAuth },
        forPeers,
      );
    } catch (error) {
      forClients?.close();
      throw error;
    }
  }

  private constructor(clients: TlsPort | undefined, peers: TlsIdentity | undefined) {
    this.clients = clients;
    this.peers = peers;
  }

  /** For metrics: what is in force. */
  get facts(): Readonly<Record<"clients" | "peers", CertificateFacts | undefined>> {
    return { clients: this.clients?.identity.facts, peers: this.peers?.facts };
  }

  /** Reads all files again. What cannot be used is logged and changes nothing. */
  async reload(): Promise<void> {
    await Promise.all([this.clients?.identity.reload(), this.peers?.reload()]);
  }

  close(): void {
    this.clients?.identity.close();
    this.peers?.close();
  }
}
