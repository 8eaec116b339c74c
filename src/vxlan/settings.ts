/** What a document says of VXLAN, in one family. */
export interface VxlanSettings {
  readonly device: string;
  /** 24 bits. */
  readonly vni: number;
  readonly port: number;
  /** null: that of the underlay less what the encapsulation takes. */
  readonly mtu: number | null;
  /** Whether the device computes checksums of inner packets; null: whatever the kernel does. */
  readonly checksumOffload: boolean | null;
}
