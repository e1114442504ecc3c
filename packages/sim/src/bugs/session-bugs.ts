import { replaceMethods, type Sabotage } from "../node/index.ts";

const FORWARD = 3;
const SESSION_AT = 17;
const ARGS_AT = SESSION_AT + 24;

/** Forwarded writes lose their session on the way, and with it what makes a retry harmless. */
export const retryWithoutSession: Sabotage = {
  links: (links) =>
    replaceMethods(links, {
      send(to, message) {
        const view = new DataView(message.buffer, message.byteOffset, message.length);
        if (message[0] !== FORWARD || view.getBigUint64(SESSION_AT, true) === 0n) return links.send(to, message);
        const bare = new Uint8Array(message.length - 16);
        bare.set(message.subarray(0, SESSION_AT));
        bare.set(message.subarray(ARGS_AT), SESSION_AT + 8);
        links.send(to, bare);
      },
    }),
};

/** A forwarded write is given the number of the one before it: it is answered as that one was. */
export const numberReused: Sabotage = {
  links: (links, { world }) => {
    const random = world.random.stream("reused numbers");
    return replaceMethods(links, {
      send(to, message) {
        const sent = message.slice();
        const view = new DataView(sent.buffer);
        if (sent[0] === FORWARD && view.getBigUint64(SESSION_AT, true) !== 0n && random.chance(0.03)) {
          const sequence = view.getBigUint64(SESSION_AT + 8, true);
          if (sequence > 1n) view.setBigUint64(SESSION_AT + 8, sequence - 1n, true);
        }
        links.send(to, sent);
      },
    });
  },
};

const ANSWER = 4;
const ID_AT = 1;

/** Two answers to forwarded commands change places. */
export const answersSwapped: Sabotage = {
  links: (links, { world }) => {
    const random = world.random.stream("swapped answers");
    let held: { readonly to: Parameters<typeof links.send>[0]; readonly message: Uint8Array } | undefined;
    return replaceMethods(links, {
      send(to, message) {
        if (message[0] !== ANSWER) return links.send(to, message);
        const sent = message.slice();
        const other = held;
        held = undefined;
        if (other?.to === to) {
          const ids = [sent, other.message].map((bytes) => bytes.slice(ID_AT, ID_AT + 8));
          sent.set(ids[1] as Uint8Array, ID_AT);
          other.message.set(ids[0] as Uint8Array, ID_AT);
        } else if (other === undefined && random.chance(0.05)) {
          held = { to, message: sent };
          return;
        }
        if (other !== undefined) links.send(other.to, other.message);
        links.send(to, sent);
      },
    });
  },
};

/** The sessions are not part of what was flushed: a replica that starts again knows none. */
export const sessionsForgotten: Sabotage = {
  image: (rows) => new Map([...rows].filter(([key]) => !key.includes("session:"))),
};
