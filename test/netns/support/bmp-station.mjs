/**
 * A BMP collector in a process of its own, to be run inside a network namespace: writes what each connection brings
 * into a file of its own (FOLDER/1.bmp, FOLDER/2.bmp …) and obeys commands on stdin, one per line:
 *
 *     listen PORT    accept connections, on any address
 *     deaf           from the next connection on, read nothing
 *     hear           read again, also what waits
 *     close          end the connections there are
 *     unlisten       accept no more
 */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

const [folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const sockets = new Set();
let count = 0;
let deaf = false;
let server = null;

function accept(socket) {
  const number = ++count;
  const file = `${folder}/${number}.bmp`;
  writeFileSync(file, '');
  sockets.add(socket);
  if (deaf) socket.pause();
  socket.on('data', (chunk) => appendFileSync(file, chunk));
  socket.on('error', () => {});
  socket.on('close', () => {
    sockets.delete(socket);
    say({ event: 'closed', number });
  });
  say({ event: 'connected', number });
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const [command, word] = line.split(' ');
  if (command === 'listen') {
    server = createServer({ pauseOnConnect: false }, accept);
    server.listen(Number(word), '::', () => say({ event: 'listening' }));
  } else if (command === 'unlisten') server?.close(() => say({ event: 'unlistening' }));
  else if (command === 'deaf') deaf = true;
  else if (command === 'hear') {
    deaf = false;
    for (const socket of sockets) socket.resume();
  } else if (command === 'close') for (const socket of sockets) socket.destroy();
});
