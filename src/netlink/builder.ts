/**
 * Composes the messages that are few (links, addresses, nexthop objects): header, the type's own structure, then
 * attributes, nested ones too. Routes do not pass through here.
 */
import { SmartBuffer } from 'smart-buffer';
import { type Address, IPV4, writeAddress } from '../address/index.js';
import { NLA_F_NESTED } from './constants.js';
import { align4, HEADER_LENGTH, writeHeader } from './message.js';

/** The address in network order: 4 or 16 bytes. */
export function addressBytes(address: Address): Buffer {
  const bytes = Buffer.alloc(address.family === IPV4 ? 4 : 16);
  writeAddress(bytes, 0, address);
  return bytes;
}

export class MessageBuilder {
  readonly #out = new SmartBuffer();

  /** `structure`: what follows the header, such as `struct ifinfomsg`; its length a multiple of four. */
  constructor(type: number, flags: number, structure: Buffer) {
    const header = Buffer.alloc(HEADER_LENGTH);
    writeHeader(header, 0, type, flags);
    this.#out.writeBuffer(header).writeBuffer(structure);
  }

  attribute(type: number, value: Buffer): this {
    this.#out.writeUInt16LE(4 + value.length).writeUInt16LE(type);
    this.#out.writeBuffer(value).writeBuffer(Buffer.alloc(align4(value.length) - value.length));
    return this;
  }

  u8(type: number, value: number): this {
    return this.attribute(type, Buffer.of(value));
  }

  u32(type: number, value: number): this {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(value);
    return this.attribute(type, bytes);
  }

  /** An attribute whose presence is its value. */
  flag(type: number): this {
    return this.attribute(type, Buffer.alloc(0));
  }

  /** Ends with a NUL, as the kernel wants names. */
  string(type: number, value: string): this {
    return this.attribute(type, Buffer.from(`${value}\0`));
  }

  address(type: number, address: Address): this {
    return this.attribute(type, addressBytes(address));
  }

  /** An attribute that holds the attributes which `fill` adds. */
  nested(type: number, fill: (builder: this) => void): this {
    const start = this.#out.writeOffset;
    this.#out.writeUInt16LE(0).writeUInt16LE(type | NLA_F_NESTED);
    fill(this);
    const end = this.#out.writeOffset;
    this.#out.writeUInt16LE(end - start, start);
    this.#out.writeOffset = end;
    return this;
  }

  /** The message, its length filled in. */
  finish(): Buffer {
    const bytes = this.#out.toBuffer();
    bytes.writeUInt32LE(bytes.length, 0);
    return bytes;
  }
}
