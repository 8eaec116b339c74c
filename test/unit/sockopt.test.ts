import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { formatAddress, parseAddress } from '../../src/address/index.js';
import {
  bindTcpSocket,
  bytesAcknowledged,
  closeFd,
  fdOf,
  getIntOption,
  IP_TOS,
  IP_TTL,
  IPV6_TCLASS,
  IPV6_UNICAST_HOPS,
  localAddressOf,
  openTcpSocket,
  SOL_IP,
  SOL_IPV6,
  SystemCallError,
  setIntOption,
  setMd5Key,
  setOption,
  socketAddress,
} from '../../src/sockopt/index.js';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

function address(text: string) {
  const parsed = parseAddress(text);
  if (parsed === null) throw new Error(text);
  return parsed;
}

describe('socket options', () => {
  it('are read back as they were set, in both families', () => {
    for (const [family, level, tos, hops] of [
      [0, SOL_IP, IP_TOS, IP_TTL],
      [1, SOL_IPV6, IPV6_TCLASS, IPV6_UNICAST_HOPS],
    ] as const) {
      const fd = openTcpSocket(family);
      cleanups.push(() => closeFd(fd));
      setIntOption(fd, level, tos, 0xc0);
      setIntOption(fd, level, hops, 7);
      expect(getIntOption(fd, level, tos)).toBe(0xc0);
      expect(getIntOption(fd, level, hops)).toBe(7);
    }
  });

  it('name the errno and the call when the kernel refuses', () => {
    const fd = openTcpSocket(0);
    closeFd(fd);
    expect(() => setIntOption(fd, SOL_IP, IP_TTL, 1)).toThrow(
      expect.objectContaining({ code: 'EBADF', errno: 9, syscall: 'setsockopt' }),
    );
    expect(() => closeFd(fd)).toThrow(SystemCallError);
    const open = openTcpSocket(0);
    cleanups.push(() => closeFd(open));
    expect(() => setOption(open, SOL_IP, IP_TTL, Buffer.alloc(0))).toThrow('EINVAL');
    expect(() => bindTcpSocket(open, address('203.0.113.77'), 0)).toThrow('EADDRNOTAVAIL');
  });

  it('reach a socket and a server that Node made', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    cleanups.push(() => server.close());
    await once(server, 'listening');
    setIntOption(fdOf(server), SOL_IP, IP_TOS, 0xc0);
    expect(getIntOption(fdOf(server), SOL_IP, IP_TOS)).toBe(0xc0);
    expect(() => fdOf(new Socket())).toThrow('not open');
  });
});

describe('a bound socket', () => {
  it('connects through Node from the address it was bound to', async () => {
    for (const [from, to] of [
      ['127.0.0.5', '127.0.0.1'],
      ['::1', '::1'],
    ] as const) {
      const server = createServer().listen({ port: 0, host: to, ipv6Only: true });
      cleanups.push(() => server.close());
      await once(server, 'listening');
      const bound = server.address();
      if (bound === null || typeof bound === 'string') throw new Error('no address');
      const source = address(from);
      const fd = openTcpSocket(source.family);
      bindTcpSocket(fd, source, 0);
      const socket = new Socket({ fd });
      cleanups.push(() => socket.destroy());
      const accepted = once(server, 'connection') as Promise<[Socket]>;
      socket.connect({ host: to, port: bound.port });
      await once(socket, 'connect');
      const [peer] = await accepted;
      cleanups.push(() => peer.destroy());
      expect(peer.remoteAddress).toBe(from);
      const local = localAddressOf(fdOf(socket));
      expect(formatAddress(local.address)).toBe(from);
      expect(local.port).toBe(peer.remotePort);
    }
  });

  it('tells a port that is taken from one that is free', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    cleanups.push(() => server.close());
    await once(server, 'listening');
    const { port } = localAddressOf(fdOf(server));
    const client = connect(port, '127.0.0.1');
    cleanups.push(() => client.destroy());
    await once(client, 'connect');
    const fd = openTcpSocket(0);
    cleanups.push(() => closeFd(fd));
    expect(() => bindTcpSocket(fd, address('127.0.0.1'), port)).toThrow('EADDRINUSE');
  });
});

it('lays socket addresses out as the kernel reads them', () => {
  expect(socketAddress(address('192.0.2.1'), 179).toString('hex')).toBe('020000b3c00002010000000000000000');
  expect(socketAddress(address('fe80::1'), 179, 5).toString('hex')).toBe(
    '0a0000b300000000fe80000000000000000000000000000105000000',
  );
});

describe('a TCP-MD5 key for a prefix', () => {
  it('holds for every address in it, and the longest match counts', async () => {
    const server = createServer();
    cleanups.push(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    setMd5Key(fdOf(server), address('127.0.0.0'), Buffer.from('whole'), 8);
    setMd5Key(fdOf(server), address('127.0.0.9'), Buffer.from('one'), 32);
    const { port } = localAddressOf(fdOf(server));
    for (const [from, key] of [
      ['127.0.0.2', 'whole'],
      ['127.0.0.9', 'one'],
    ]) {
      const fd = openTcpSocket(0);
      setMd5Key(fd, address('127.0.0.1'), Buffer.from(key));
      bindTcpSocket(fd, address(from), 0);
      const socket = new Socket({ fd });
      cleanups.push(() => socket.destroy());
      socket.connect(port, '127.0.0.1');
      await once(socket, 'connect');
      expect(formatAddress(localAddressOf(fdOf(socket)).address)).toBe(from);
    }
  });

  it('has at most 80 octets', () => {
    const fd = openTcpSocket(0);
    cleanups.push(() => closeFd(fd));
    expect(() => setMd5Key(fd, address('127.0.0.1'), Buffer.alloc(81, 1))).toThrow('at most 80 octets');
  });
});

describe('what the other end has taken', () => {
  it('grows by what it is sent, SYN included', async () => {
    const server = createServer((socket) => socket.resume()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const socket = connect(port, '127.0.0.1');
    cleanups.push(() => {
      socket.destroy();
      server.close();
    });
    await once(socket, 'connect');
    expect(bytesAcknowledged(fdOf(socket))).toBe(1);
    await new Promise((resolve) => socket.write(Buffer.alloc(1000), resolve));
    await vi.waitFor(() => expect(bytesAcknowledged(fdOf(socket))).toBe(1001));
  });
});
