/**
 * A classic BPF program in the kernel that keeps our own route and nexthop changes out of a monitor's queue:
 * each of half a million routes that we write would otherwise come back as a notification.
 *
 * Links and addresses pass, whoever changed them.
 */
import koffi from 'koffi';
import { SO_ATTACH_FILTER, SOL_SOCKET, SystemCallError } from '../sockopt/index.js';
import { RTM_DELNEXTHOP, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_NEWROUTE } from './constants.js';

/** struct sock_filter: u16 operation, u8 jump if true, u8 jump if false, u32 operand. */
const LOAD_HALF = 0x28;
const LOAD_WORD = 0x20;
const JUMP_IF_EQUAL = 0x15;
const RETURN = 0x06;
const INSTRUCTION_LENGTH = 8;
const ACCEPT = 0xffff_ffff;

const MESSAGE_TYPE = 4;
const MESSAGE_PORT = 12;

type Instruction = readonly [operation: number, ifTrue: number, ifFalse: number, operand: number];

/** BPF loads are big-endian, netlink headers are not. */
function swap16(value: number): number {
  return ((value & 0xff) << 8) | (value >>> 8);
}

function swap32(value: number): number {
  return ((swap16(value & 0xffff) << 16) | swap16(value >>> 16)) >>> 0;
}

/** The program's bytes: accepts all but changes of routes and nexthops that `ports` asked for. */
export function echoFilter(ports: readonly number[]): Buffer {
  const types = [RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEXTHOP, RTM_DELNEXTHOP];
  const program: Instruction[] = [[LOAD_HALF, 0, 0, MESSAGE_TYPE]];
  // A type that matches jumps over the other comparisons and the RETURN behind them.
  for (const [i, type] of types.entries()) program.push([JUMP_IF_EQUAL, types.length - i, 0, swap16(type)]);
  program.push([RETURN, 0, 0, ACCEPT], [LOAD_WORD, 0, 0, MESSAGE_PORT]);
  for (const [i, port] of ports.entries()) program.push([JUMP_IF_EQUAL, ports.length - i, 0, swap32(port)]);
  program.push([RETURN, 0, 0, ACCEPT], [RETURN, 0, 0, 0]);
  const bytes = Buffer.alloc(INSTRUCTION_LENGTH * program.length);
  for (const [i, [operation, ifTrue, ifFalse, operand]] of program.entries()) {
    const at = INSTRUCTION_LENGTH * i;
    bytes.writeUInt16LE(operation, at);
    bytes[at + 2] = ifTrue;
    bytes[at + 3] = ifFalse;
    bytes.writeUInt32LE(operand, at + 4);
  }
  return bytes;
}

const programType = koffi.struct({ length: 'uint16', instructions: 'void *' });
const setFilter = koffi
  .load(null)
  .func('setsockopt', 'int', ['int', 'int', 'int', koffi.pointer(programType), 'uint32']);

/** Attaches the program to a socket, in place of one that it has. */
export function attachEchoFilter(fd: number, ports: readonly number[]): void {
  const program = echoFilter(ports);
  const value = { length: program.length / INSTRUCTION_LENGTH, instructions: program };
  const result = setFilter(fd, SOL_SOCKET, SO_ATTACH_FILTER, value, koffi.sizeof(programType));
  if (result < 0) throw new SystemCallError('setsockopt', koffi.errno());
}
