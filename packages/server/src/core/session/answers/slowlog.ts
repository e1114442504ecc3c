import { latin1 } from "../../base/index.ts";
import { array, bulk, bulkText, err, integer, OK, type Reply } from "../../command/index.ts";
import { wrongForm } from "./client-words.ts";
import type { Answers, LocalCall } from "./types.ts";

const COUNT_DEFAULT = 10;

function get({ args, connections }: LocalCall): Reply {
  const [given, ...rest] = args;
  if (rest.length > 0) return wrongForm("SLOWLOG", "get");
  const text = given === undefined ? String(COUNT_DEFAULT) : latin1(given);
  const count = /^-?\d{1,10}$/.test(text) ? Number(text) : -2;
  if (count < -1) return err("count should be greater than or equal to -1");
  const { slowLog } = connections;
  return array(
    slowLog
      .latest(count === -1 ? slowLog.length : count)
      .map(({ id, atSeconds, durationUs, args: shown, address, name }) =>
        array([
          integer(id),
          integer(atSeconds),
          integer(durationUs),
          array(shown.map(bulk)),
          bulkText(address),
          bulkText(name),
        ]),
      ),
  );
}

export const slowlogAnswers: Answers = {
  "slowlog|get": get,
  "slowlog|len": ({ connections }) => integer(connections.slowLog.length),
  "slowlog|reset"({ connections }) {
    connections.slowLog.reset();
    return OK;
  },
};
