import { IPV6, parseAddress } from '../address/index.js';
import { closeFd, openIcmp6Socket, receiveIcmp6, sendIcmp6 } from '../sockopt/index.js';
import { encodeAdvertisement, isSolicitation, ROUTER_SOLICITATION } from './messages.js';

/** An interface on which we say that we are there. */
export interface AdvertisedInterface {
  readonly name: string;
  readonly ifindex: number;
  /** null: the link has no link-layer addresses. */
  readonly mac: string | null;
  readonly intervalSeconds: number;
}

export interface AdvertiserOptions {
  /** An advertisement could not be sent; told once until one could. */
  failed(name: string, error: string): void;
}

/** ff02::1 and ff02::2: all nodes, all routers of a link. */
const allNodes = parseAddress('ff02::1') ?? { family: IPV6, a: 0, b: 0, c: 0, d: 0 };
const allRouters = parseAddress('ff02::2') ?? allNodes;

/** So many advertisements follow each other by a tick when the interface is new (RFC 4861 §6.2.4 allows for 3). */
const INITIAL_ADVERTISEMENTS = 3;
/** How often solicitations are looked for. */
const TICK_MS = 1000;
/** RFC 4861 §10 MIN_DELAY_BETWEEN_RAS: solicitations cause no more than that. */
const MIN_DELAY_MS = 3000;

class Advertised {
  private fd: number | null = null;
  private initial = INITIAL_ADVERTISEMENTS;
  private sentAt = 0;
  private dueAt = 0;
  private failure: string | null = null;
  private readonly timer: NodeJS.Timeout;
  private readonly message: Buffer;

  constructor(
    readonly link: AdvertisedInterface,
    private readonly options: AdvertiserOptions,
  ) {
    this.message = encodeAdvertisement(link.mac);
    this.timer = setInterval(() => this.tick(), Math.min(TICK_MS, link.intervalSeconds * 1000));
    this.tick();
  }

  close(): void {
    clearInterval(this.timer);
    this.closeSocket();
  }

  private tick(): void {
    const now = performance.now();
    try {
      const asked = this.isAsked() && now - this.sentAt >= MIN_DELAY_MS;
      if (this.initial === 0 && !asked && now < this.dueAt) return;
      this.fd ??= this.open();
      sendIcmp6(this.fd, this.message, allNodes, this.link.ifindex);
      this.failure = null;
    } catch (error) {
      const said = (error as Error).message;
      if (said !== this.failure) this.options.failed(this.link.name, said);
      this.failure = said;
      this.closeSocket();
    }
    if (this.initial > 0) this.initial--;
    this.sentAt = now;
    // §6.2.4: the times of several routers shall not fall together.
    this.dueAt = now + this.link.intervalSeconds * 1000 * (0.75 + Math.random() / 4) - TICK_MS / 2;
  }

  private open(): number {
    const { name: device, ifindex } = this.link;
    return openIcmp6Socket({ device, ifindex, receives: ROUTER_SOLICITATION, group: allRouters });
  }

  private isAsked(): boolean {
    if (this.fd === null) return false;
    let asked = false;
    for (let left = 64; left > 0; left--) {
      const received = receiveIcmp6(this.fd);
      if (received === null) break;
      asked = isSolicitation(received.bytes, received.source) || asked;
    }
    return asked;
  }

  private closeSocket(): void {
    if (this.fd !== null) closeFd(this.fd);
    this.fd = null;
  }
}

/** Sends router advertisements on a set of interfaces, each on a raw socket of its own. */
export class Advertiser {
  private readonly interfaces = new Map<string, Advertised>();

  constructor(private readonly options: AdvertiserOptions) {}

  /**
   * Advertises on exactly these from now on. One that is new, came back, or has another link-layer address starts with
   * a quick few.
   */
  set(links: readonly AdvertisedInterface[]): void {
    const wanted = new Map(links.map((link) => [JSON.stringify(link), link]));
    for (const [key, advertised] of this.interfaces) {
      if (wanted.has(key)) continue;
      advertised.close();
      this.interfaces.delete(key);
    }
    for (const [key, link] of wanted) {
      if (!this.interfaces.has(key)) this.interfaces.set(key, new Advertised(link, this.options));
    }
  }

  close(): void {
    this.set([]);
  }
}
