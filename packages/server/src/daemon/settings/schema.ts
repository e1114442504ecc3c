import { z } from "zod";
import { hostSchema, listenSchema } from "../cluster-file.ts";
import { SETTINGS, type Setting, type SettingName } from "./table.ts";

/** A value that may be said, or why it may not. */
export type Judged = { readonly value: unknown } | { readonly problem: string };
export const isValue = (judged: Judged): judged is { readonly value: unknown } => "value" in judged;

/** `host:port` or `[address]:port`; the port must be there, because seeds are peers on any port. */
const SOCKET = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/;
const socket = z.string().refine(
  (text) => {
    const match = SOCKET.exec(text);
    const port = Number(match?.[3]);
    return port >= 1 && port <= 65_535 && hostSchema.safeParse(match?.[1] ?? match?.[2]).success;
  },
  { error: "addresses such as 10.0.0.2:7100 are wanted" },
);

const TEXT_CHARACTERS_MAX = 4_096;

function schemaOf(setting: Setting): z.ZodType {
  switch (setting.type) {
    case "integer":
    case "port": {
      const error = `a whole number from ${setting.min} to ${setting.max} is wanted`;
      return z.int({ error }).min(setting.min, { error }).max(setting.max, { error });
    }
    case "boolean":
      return z.boolean({ error: "true or false is wanted" });
    case "choice":
      return z.enum([...(setting.choices ?? [])], { error: `one of ${setting.choices?.join(", ")} is wanted` });
    case "sockets":
      return z
        .array(socket, { error: "a list of addresses is wanted" })
        .max(setting.itemsMax, { error: `at most ${setting.itemsMax} addresses are allowed` });
    case "reach":
      return hostSchema;
    case "listen":
      return listenSchema;
    default: {
      const error = `a text of 1 to ${TEXT_CHARACTERS_MAX} characters is wanted`;
      return z.string({ error }).min(1, { error }).max(TEXT_CHARACTERS_MAX, { error });
    }
  }
}

const schemas: ReadonlyMap<string, z.ZodType> = new Map(
  Object.entries(SETTINGS).map(([name, setting]) => [name, schemaOf(setting)]),
);

/** A value as a file gives it. */
export function judge(name: SettingName, value: unknown): Judged {
  const result = (schemas.get(name) as z.ZodType).safeParse(value);
  if (result.success) return { value: result.data };
  const why = result.error.issues[0]?.message ?? "this is not a value";
  return { problem: SETTINGS[name].secret === true ? why : `${why}, not ${shown(value)}` };
}

const SHOWN_CHARACTERS_MAX = 64;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARACTERS_MAX ? `${text.slice(0, SHOWN_CHARACTERS_MAX)}...` : text;
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  1: true,
  false: false,
  no: false,
  off: false,
  0: false,
};

/** A value as a flag or a variable gives it. What is not of the type stays a text, and the schema says what is wanted. */
export function fromText(name: SettingName, text: string): Judged {
  const { type } = SETTINGS[name];
  if (type === "integer" || type === "port") return judge(name, /^\d{1,15}$/.test(text) ? Number(text) : text);
  if (type === "boolean") return judge(name, BOOLEANS[text.toLowerCase()] ?? text);
  if (type === "sockets") {
    return judge(
      name,
      text.split(",").map((item) => item.trim()),
    );
  }
  return judge(name, text);
}

/** The inverse of `fromText`. */
export const textOf = (value: unknown): string => (Array.isArray(value) ? value.join(",") : String(value));
