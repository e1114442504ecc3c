import type { CertificateFacts } from "../../host/tls/index.ts";
import type { MetricDefinition } from "./metric.ts";
import type { Moment, Sample } from "./sources.ts";

/** Lines for each certificate in use: that of the ports for clients, and that of the port for nodes. */
function ofCertificates(
  { certificates }: Moment,
  samples: (facts: CertificateFacts, ports: string) => Sample[],
): Sample[] {
  return Object.entries(certificates()).flatMap(([ports, facts]) => (facts === undefined ? [] : samples(facts, ports)));
}

const results = (ports: string, ok: number, failed: number): Sample[] => [
  { labels: { ports, result: "ok" }, value: ok },
  { labels: { ports, result: "failed" }, value: failed },
];

/** `ports`: clients, peers. Nothing is shown for ports that speak plain text. */
export const TLS: readonly MetricDefinition[] = [
  {
    name: "sherd_tls_certificate_expiry_timestamp_seconds",
    type: "gauge",
    group: "TLS",
    help: "When the certificate in force ends, in seconds since 1970, by ports: clients, peers.",
    labels: ["ports"],
    collect: (moment) =>
      ofCertificates(moment, ({ notAfterMs }, ports) => [{ labels: { ports }, value: notAfterMs / 1000 }]),
  },
  {
    name: "sherd_tls_certificate_reads_total",
    type: "counter",
    group: "TLS",
    help: "Times that files of certificates were read again, by result: ok (in force since), failed (the old one stays).",
    labels: ["ports", "result"],
    collect: (moment) =>
      ofCertificates(moment, ({ reloads, failedReloads }, ports) => results(ports, reloads, failedReloads)),
  },
  {
    name: "sherd_tls_handshakes_total",
    type: "counter",
    group: "TLS",
    help: "Handshakes with those who connected, by result: ok, failed.",
    labels: ["ports", "result"],
    collect: (moment) =>
      ofCertificates(moment, ({ handshakes, failedHandshakes }, ports) => results(ports, handshakes, failedHandshakes)),
  },
  {
    name: "sherd_tls_handshakes_under_way",
    type: "gauge",
    group: "TLS",
    help: "Handshakes that have begun and are not done.",
    labels: ["ports"],
    collect: (moment) =>
      ofCertificates(moment, ({ handshakesUnderWay }, ports) => [{ labels: { ports }, value: handshakesUnderWay }]),
  },
];
