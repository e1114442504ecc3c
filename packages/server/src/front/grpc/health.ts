import {
  type handleServerStreamingCall,
  type handleUnaryCall,
  type Server,
  type ServerWritableStream,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import { WATCH_MS, WATCHERS_MAX } from "./limits.ts";
import type { Proto } from "./protos.ts";

/** `grpc.health.v1.HealthCheckResponse.ServingStatus`. */
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/** The node itself, and what it serves. */
const SERVICES: ReadonlySet<string> = new Set(["", "KVStore"]);

interface HealthRequest {
  readonly service: string;
}
interface HealthResponse {
  readonly status: number;
}
type WatchStream = ServerWritableStream<HealthRequest, HealthResponse>;

/**
 * `grpc.health.v1`: serving means what `/readyz` means. Not the npm package: that keeps every name that was ever watched
 * in memory, and the streams of its watchers hold up the closing of the node.
 */
export class Health {
  readonly #ready: () => boolean;
  /** What each watcher was told last. */
  readonly #watchers = new Map<WatchStream, number>();
  #look: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(server: Server, proto: Proto, ready: () => boolean) {
    this.#ready = ready;
    const Check: handleUnaryCall<HealthRequest, HealthResponse> = (call, callback) => {
      if (SERVICES.has(call.request.service)) callback(null, { status: this.#status() });
      else callback({ code: status.NOT_FOUND, details: "this node has no such service" });
    };
    const Watch: handleServerStreamingCall<HealthRequest, HealthResponse> = (stream) => this.#watch(stream);
    server.addService(proto.services.get("grpc.health.v1.Health") as ServiceDefinition, { Check, Watch });
  }

  /** Tells all who watch that calls should go elsewhere, and ends their streams. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#look);
    for (const [stream, told] of this.#watchers) {
      if (told === SERVING) stream.write({ status: NOT_SERVING });
      stream.end();
    }
    this.#watchers.clear();
  }

  #status(): number {
    return !this.#closed && this.#ready() ? SERVING : NOT_SERVING;
  }

  #watch(stream: WatchStream): void {
    if (this.#closed || this.#watchers.size >= WATCHERS_MAX) {
      const why = this.#closed ? "this node is closing" : `${WATCHERS_MAX} others watch already`;
      stream.destroy(Object.assign(new Error(why), { code: status.RESOURCE_EXHAUSTED, details: why }));
      return;
    }
    const now = SERVICES.has(stream.request.service) ? this.#status() : SERVICE_UNKNOWN;
    stream.write({ status: now });
    this.#watchers.set(stream, now);
    stream.on("cancelled", () => this.#leave(stream));
    this.#look ??= setInterval(() => this.#tell(), WATCH_MS);
  }

  #leave(stream: WatchStream): void {
    this.#watchers.delete(stream);
    if (this.#watchers.size > 0) return;
    clearInterval(this.#look);
    this.#look = undefined;
  }

  #tell(): void {
    const now = this.#status();
    for (const [stream, told] of this.#watchers) {
      // Who does not read is told when it does; only the newest status matters.
      if (told === now || told === SERVICE_UNKNOWN || stream.writableNeedDrain) continue;
      stream.write({ status: now });
      this.#watchers.set(stream, now);
    }
  }
}
