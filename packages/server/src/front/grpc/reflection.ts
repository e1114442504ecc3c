import {
  type handleBidiStreamingCall,
  type Server,
  type ServerDuplexStream,
  type ServiceDefinition,
  status,
} from "@grpc/grpc-js";
import type { Proto } from "./protos.ts";

const NAME = "grpc.reflection.v1.ServerReflection";
/** What tools asked for before v1, with the same messages. Many still do. */
const NAME_BEFORE = "grpc.reflection.v1alpha.ServerReflection";

interface ReflectionRequest {
  readonly host: string;
  readonly message_request?: string;
  readonly file_by_filename?: string;
  readonly file_containing_symbol?: string;
  readonly all_extension_numbers_of_type?: string;
}

type ReflectionResponse = Record<string, unknown>;
type Stream = ServerDuplexStream<ReflectionRequest, ReflectionResponse>;

/**
 * The reflection service, for the services of `protos`. Not the npm package @grpc/reflection: that one does not find
 * services without a package name, such as KVStore, and lets a client that does not read fill the memory.
 */
export function addReflection(server: Server, self: Proto, protos: readonly Proto[]): void {
  const all = [...protos, self];
  const ServerReflectionInfo: handleBidiStreamingCall<ReflectionRequest, ReflectionResponse> = (stream) =>
    converse(stream, all);
  const service = self.services.get(NAME) as ServiceDefinition;
  server.addService(service, { ServerReflectionInfo });
  server.addService(renamed(service), { ServerReflectionInfo });
}

function renamed(service: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      { ...method, path: method.path.replace(NAME, NAME_BEFORE) },
    ]),
  );
}

function converse(stream: Stream, protos: readonly Proto[]): void {
  stream.on("data", (request: ReflectionRequest) => {
    const room = stream.write({ valid_host: request.host, original_request: request, ...answer(request, protos) });
    if (!room) stream.pause();
  });
  stream.on("drain", () => stream.resume());
  stream.on("end", () => stream.end());
}

function answer(request: ReflectionRequest, protos: readonly Proto[]): ReflectionResponse {
  switch (request.message_request) {
    case "list_services": {
      const names = protos.flatMap((proto) => [...proto.services.keys()]);
      return { list_services_response: { service: names.map((name) => ({ name })) } };
    }
    case "file_containing_symbol":
      return file(protos.find((proto) => proto.symbols.has(withoutDot(request.file_containing_symbol))));
    case "file_by_filename":
      return file(protos.find((proto) => proto.fileName === request.file_by_filename));
    case "all_extension_numbers_of_type": {
      const type = withoutDot(request.all_extension_numbers_of_type);
      if (!protos.some((proto) => proto.symbols.has(type))) return NOT_FOUND;
      return { all_extension_numbers_response: { base_type_name: type, extension_number: [] } };
    }
    // Nothing here is extended: proto3 has no extensions.
    case "file_containing_extension":
      return NOT_FOUND;
    default:
      return { error_response: { error_code: status.UNIMPLEMENTED, error_message: "unknown request" } };
  }
}

const NOT_FOUND: ReflectionResponse = {
  error_response: { error_code: status.NOT_FOUND, error_message: "this node has no such thing" },
};

/** Full names are written with and without a leading dot. */
const withoutDot = (symbol: string | undefined): string => (symbol ?? "").replace(/^\./, "");

const file = (proto: Proto | undefined): ReflectionResponse =>
  proto === undefined ? NOT_FOUND : { file_descriptor_response: { file_descriptor_proto: [proto.descriptor] } };
