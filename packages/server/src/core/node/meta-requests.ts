import { type NodeId, type Slot, utf8Bytes } from "../base/index.ts";
import type { CommandSpec, Reply } from "../command/index.ts";
import { ANNOUNCE, USERS } from "../machine/index.ts";
import { type ClusterMap, encodeUsersChange, type NodeInfo } from "../meta/index.ts";
import type { Request } from "../replica/index.ts";
import { type ChangeUsers, UserChanges } from "./user-changes.ts";

export interface MetaRequestsHost {
  readonly self: NodeInfo;
  nowMs(): number;
  map(): ClusterMap;
  /** The node that leads the meta group, if it is known and can be reached. */
  leader(): NodeId | undefined;
  /** To the meta group, wherever its leader is. */
  route(request: Request, args: readonly Uint8Array[]): void;
  askForMap(of: NodeId, version: number): void;
}

/** What this node asks of the meta group: that the cluster map says where it is, and other users. */
export class MetaRequests {
  readonly #host: MetaRequestsHost;
  readonly #userChanges: UserChanges;

  constructor(host: MetaRequestsHost) {
    this.#host = host;
    this.#userChanges = new UserChanges({
      nowMs: () => host.nowMs(),
      map: () => host.map(),
      propose: (argument, { complete, retried }) => this.#propose(USERS, argument, complete, retried),
      wantMap: (version) => {
        const leader = host.leader();
        if (leader !== undefined && leader !== host.self.id) host.askForMap(leader, version);
      },
    });
  }

  changeUsers(change: ChangeUsers, complete: (reply: Reply) => void): void {
    this.#userChanges.change(change, complete);
  }

  onMap(): void {
    this.#userChanges.onMap();
  }

  tick(): void {
    this.#userChanges.tick();
  }

  /** What the map should hold by now and does not. Nothing to do on failure: it is called again. */
  repeat(): void {
    const { self } = this.#host;
    const { nodes, users } = this.#host.map();
    if (this.#host.leader() === undefined) return;
    const known = nodes.get(self.id);
    // Until the map holds this start's addresses: other nodes and clients find them there.
    if (known === undefined || known.bootCounter < self.bootCounter) {
      this.#propose(ANNOUNCE, utf8Bytes(JSON.stringify(self)), () => {});
    }
    // Until the map holds users, those that this node was started with are offered: the first who are taken stay.
    if (users?.version === 0) this.#propose(USERS, encodeUsersChange({ expected: 0, list: users.list }), () => {});
  }

  #propose(spec: CommandSpec, argument: Uint8Array, complete: Request["complete"], retried?: () => void): void {
    const args = [argument];
    const request: Request = {
      spec,
      args,
      slot: 0 as Slot,
      redirect: false,
      stale: false,
      complete,
      ...(retried !== undefined && { retried }),
    };
    this.#host.route(request, args);
  }
}
