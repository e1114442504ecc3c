import type { NodeMetrics } from "../../core/node/index.ts";
import type { Connections } from "../../core/session/index.ts";
import type { CertificateFacts } from "../../host/tls/index.ts";
import type { GrpcStatistics } from "../grpc/index.ts";

/** Where the numbers of a node are. */
export interface MetricSources {
  readonly name: string;
  readonly version: string;
  readonly connections: Connections;
  readonly grpc: GrpcStatistics;
  /** By ports: clients, peers; those that speak TLS. */
  certificates(): Readonly<Record<string, CertificateFacts | undefined>>;
  metrics(): NodeMetrics;
}

/** The same, as of one moment. */
export interface Moment extends Omit<MetricSources, "metrics"> {
  readonly node: NodeMetrics;
}

/** One line of the page. */
export interface Sample {
  /** If it is not the metric's: `..._bucket`, `..._sum`, `..._count`. */
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}
