/** Sends the nexthop objects' requests to the kernel and hands back its answers. */
import { writeFile } from 'node:fs/promises';
import {
  CREATE,
  type NetlinkSocket,
  NLM_F_CREATE,
  NLM_F_REPLACE,
  nexthopDeletion,
  nexthopMessage,
} from '../netlink/index.js';
import type { NexthopGroup, NexthopObjects, NexthopRequest } from './nexthop-objects.js';

const COMPAT_MODE = '/proc/sys/net/ipv4/nexthop_compat_mode';

export class NexthopWriter {
  constructor(
    private readonly socket: NetlinkSocket,
    private protocol: number,
    private readonly objects: NexthopObjects,
  ) {}

  configure(protocol: number): void {
    this.protocol = protocol;
  }

  /**
   * Sends until there is no more to ask for.
   * @returns the groups whose routes have to do with the kernel's answers, and whether the kernel's objects must be
   * dumped. Routes that refer to a group have nothing to do with its replacement.
   */
  async run(now: () => number): Promise<{ groups: Set<NexthopGroup>; dump: boolean }> {
    const answered = await this.sendAll(now);
    for (const [group, idBefore] of answered.before) {
      const stands = group.content !== null && group.error === null && group.id === idBefore;
      if (stands) answered.groups.delete(group);
    }
    return answered;
  }

  private async sendAll(now: () => number): Promise<{
    groups: Set<NexthopGroup>;
    dump: boolean;
    /** Groups that the kernel had before, and their ids. */
    before: Map<NexthopGroup, number>;
  }> {
    const groups = new Set<NexthopGroup>(this.objects.dirtyGroups());
    const before = new Map<NexthopGroup, number>();
    for (const group of groups) if (group.content !== null) before.set(group, group.id);
    let dump = false;
    for (;;) {
      const requests = this.objects.next(now());
      if (requests.length === 0) return { groups, dump, before };
      const { lost, proved } = await this.send(requests, now);
      if (proved || lost) dump = true;
      for (const request of requests) {
        if (request.kind === 'createGroup' || request.kind === 'replaceGroup') groups.add(request.group);
      }
      if (lost) return { groups, dump, before };
    }
  }

  /** Deletes what nothing refers to. */
  async collectGarbage(inUse: (id: number) => boolean, orphansToo: boolean): Promise<void> {
    const requests = this.objects.collectGarbage(inUse, orphansToo);
    await this.send(requests, () => 0);
  }

  async delete(ids: readonly number[]): Promise<void> {
    for (const id of ids) await this.socket.request(nexthopDeletion(id)).catch(() => {});
  }

  /** No notification per route when an object changes. Returns what went wrong. */
  async disableCompat(): Promise<string | null> {
    try {
      await writeFile(COMPAT_MODE, '0');
      return null;
    } catch (error) {
      return String(error);
    }
  }

  private async send(
    requests: readonly NexthopRequest[],
    now: () => number,
  ): Promise<{ lost: boolean; proved: boolean }> {
    let proved = false;
    for (let next = 0; next < requests.length; ) {
      const batch = this.socket.openBatch();
      const first = next;
      while (next < requests.length && !batch.full) {
        const bytes = this.encode(requests[next++]);
        bytes.copy(batch.buffer, batch.length);
        batch.add(batch.length + bytes.length);
      }
      const { outcome, refused } = await this.socket.submit(batch);
      if (outcome === 'unknown') return { lost: true, proved };
      const refusals = new Map(refused.map((refusal) => [refusal.index, refusal]));
      for (let i = first; i < next; i++) {
        const refusal = refusals.get(i - first);
        const message = refusal === undefined ? '' : refusal.text === '' ? refusal.code : refusal.text;
        if (this.objects.answered(requests[i], refusal?.errno ?? 0, message, now())) proved = true;
      }
    }
    return { lost: false, proved };
  }

  private encode(request: NexthopRequest): Buffer {
    const { protocol } = this;
    switch (request.kind) {
      case 'createMember': {
        const { id, family, hop } = request;
        const { gateway, ifindex, onlink } = hop;
        return nexthopMessage(
          { id, protocol, content: { kind: 'hop', family, gateway, ifindex, onlink } },
          CREATE,
        );
      }
      case 'createGroup':
      case 'replaceGroup': {
        const { id, members } = request;
        const flags = request.kind === 'createGroup' ? CREATE : NLM_F_CREATE | NLM_F_REPLACE;
        return nexthopMessage({ id, protocol, content: { kind: 'group', members } }, flags);
      }
      case 'delete':
        return nexthopDeletion(request.id);
    }
  }
}
