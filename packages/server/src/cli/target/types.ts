export type Answer =
  | { readonly type: "stored" }
  | { readonly type: "value"; readonly bytes: Uint8Array }
  | { readonly type: "missing" }
  /** `existed` is undefined where the protocol does not tell. */
  | { readonly type: "deleted"; readonly existed: boolean | undefined }
  /** `kind` groups failures in reports: the first word of the store's error, a gRPC status, or a client error's code. */
  | { readonly type: "failed"; readonly kind: string; readonly text: string };

export type AnswerHandler = (answer: Answer) => void;

export interface KeyValueTarget {
  put(key: Uint8Array, value: Uint8Array, done: AnswerHandler): void;
  get(key: Uint8Array, done: AnswerHandler): void;
  delete(key: Uint8Array, done: AnswerHandler): void;
  /** Closes at once; calls without an answer get one. */
  close(): void;
  /** How the commands reach their shard, for reports. May change with the first answers. */
  readonly route: string;
}

export const STORED: Answer = { type: "stored" };
export const MISSING: Answer = { type: "missing" };
export const DELETED: Answer = { type: "deleted", existed: true };
export const DELETED_NOTHING: Answer = { type: "deleted", existed: false };
export const DELETED_UNTOLD: Answer = { type: "deleted", existed: undefined };

/** `await answerOf((done) => target.get(key, done))` */
export function answerOf(start: (done: AnswerHandler) => void): Promise<Answer> {
  return new Promise(start);
}

const SHOWN_CHARACTERS_MAX = 200;

/** Bytes for a person: printable, and never more than a few lines. */
export function describeBytes(bytes: Uint8Array): string {
  const text = JSON.stringify(Buffer.from(bytes).toString("latin1"));
  if (text.length <= SHOWN_CHARACTERS_MAX) return text;
  return `${text.slice(0, SHOWN_CHARACTERS_MAX)}... (${bytes.length} bytes)`;
}

export function describeAnswer(answer: Answer): string {
  switch (answer.type) {
    case "value":
      return `the value ${describeBytes(answer.bytes)}`;
    case "failed":
      return `an error: ${answer.text}`;
    case "deleted":
      return answer.existed === false ? "nothing to delete" : "deleted";
    default:
      return answer.type;
  }
}

/** With a full stop behind it, if it has none: what others said may be a whole sentence. */
export const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
