import { type Command, InvalidArgumentError, Option } from "commander";
import { addCredentialOptions, type CredentialOptions, type Credentials, credentialsOf } from "./credentials.ts";
import { addTlsOptions, type ClientTls, clientTls, type TlsOptions } from "./tls-options.ts";

/** Where a subcommand finds the store. */
export interface TargetAddress {
  readonly protocol: "resp" | "grpc";
  readonly host: string;
  readonly port: number;
  /** Undefined: plain text. */
  readonly tls?: ClientTls | undefined;
  readonly credentials?: Credentials | undefined;
}

export interface TargetOptions extends TlsOptions, CredentialOptions {
  readonly protocol: "resp" | "grpc";
  readonly host: string;
  /** Undefined: the protocol's default. */
  readonly port?: number;
}

export const RESP_PORT_DEFAULT = 6379;
export const GRPC_PORT_DEFAULT = 7000;

export function addTargetOptions(command: Command): Command {
  command
    .addOption(new Option("--protocol <name>", "how to talk to the store").choices(["resp", "grpc"]).default("resp"))
    .option("--host <name>", "host of any node", "127.0.0.1")
    .option(
      "--port <number>",
      `port (default: ${RESP_PORT_DEFAULT} for resp, ${GRPC_PORT_DEFAULT} for grpc)`,
      parsePort,
    );
  return addTlsOptions(addCredentialOptions(command));
}

/** Throws what `clientTls` and `credentialsOf` throw. */
export function targetAddress(options: TargetOptions): TargetAddress {
  const port = options.port ?? (options.protocol === "grpc" ? GRPC_PORT_DEFAULT : RESP_PORT_DEFAULT);
  return {
    protocol: options.protocol,
    host: options.host,
    port,
    tls: clientTls(options),
    credentials: credentialsOf(options),
  };
}

/** A parser for commander: whole numbers from `min` to `max`. Commander puts the option's name in front of the message. */
export function integerIn(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) {
      throw new InvalidArgumentError(`A whole number from ${min} to ${max} is wanted.`);
    }
    return value;
  };
}

export const parsePort: (text: string) => number = integerIn(1, 65_535);

/** Seeds are 32 bits, so that they can be typed. */
const SEED_MAX = 0xffff_ffff;
export const parseSeed: (text: string) => number = integerIn(0, SEED_MAX);
export const freshSeed = (): number => Math.floor(Math.random() * (SEED_MAX + 1));

/** Both ends are included. */
export interface IntegerRange {
  readonly min: number;
  readonly max: number;
}

/** `30-50`, or `40` for exactly 40. */
export function rangeIn(min: number, max: number): (text: string) => IntegerRange {
  return (text) => {
    const match = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(text);
    const from = Number(match?.[1]);
    const to = Number(match?.[2] ?? match?.[1]);
    if (!(from >= min && from <= to && to <= max)) {
      throw new InvalidArgumentError(`A range such as ${min}-${max} is wanted, within these bounds.`);
    }
    return { min: from, max: to };
  };
}

/** An option that takes a range; the help shows the default as it would be given. */
export function rangeOption(flags: string, help: string, min: number, max: number, byDefault: IntegerRange): Option {
  return new Option(flags, help).argParser(rangeIn(min, max)).default(byDefault, `${byDefault.min}-${byDefault.max}`);
}

export interface Mix {
  readonly put: number;
  readonly get: number;
  readonly delete: number;
}

/** `put=.5,get=.25,delete=.25`: weights, so they need not add up to one; what is not named is 0. */
export function parseMix(text: string): Mix {
  const weights: { -readonly [Name in keyof Mix]: number } = { put: 0, get: 0, delete: 0 };
  const seen = new Set<string>();
  for (const part of text.split(",")) {
    const match = /^(put|get|delete)=(\d+(?:\.\d+)?|\.\d+)$/.exec(part.trim());
    const name = match?.[1] as keyof Mix | undefined;
    if (name === undefined || seen.has(name)) {
      throw new InvalidArgumentError(`Weights such as put=.5,get=.25,delete=.25 are wanted, each once.`);
    }
    seen.add(name);
    weights[name] = Number(match?.[2]);
  }
  const sum = weights.put + weights.get + weights.delete;
  if (!(sum > 0)) throw new InvalidArgumentError("At least one weight must be above 0.");
  return { put: weights.put / sum, get: weights.get / sum, delete: weights.delete / sum };
}
