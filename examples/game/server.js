// node server.js NAME [PORT]: a game server that keeps its players' worlds in memory, as game servers do. A player who comes to
// another one starts from nothing.
import { createServer } from 'node:net'
import { frame, frames, HELLO, SAY } from './protocol.js'

const [name = 'a', port = '0'] = process.argv.slice(2)
/** How often each player was here. */
const visits = new Map()

async function play(socket) {
  for await (const { type, text } of frames(socket)) {
    if (type !== HELLO) continue
    const count = (visits.get(text) ?? 0) + 1
    visits.set(text, count)
    socket.write(frame(SAY, `welcome to ${name}, ${text}: visit ${count}`))
  }
}

// Whoever breaks off has left.
const server = createServer(socket => void play(socket).catch(() => socket.destroy()))
server.listen(Number(port), '127.0.0.1', () => console.log(`${name} listens on 127.0.0.1:${server.address().port}`))
