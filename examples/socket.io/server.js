// A Socket.IO server that tells its name, and counts for each socket: what it counts is only in its memory.
//
//   node examples/socket.io/server.js 3001 a
import { createServer } from 'node:http'
import { Server } from 'socket.io'

const [port, name] = process.argv.slice(2)

const http = createServer()
new Server(http).on('connection', socket => {
  let count = 0
  socket.on('count', answer => answer({ name, count: ++count }))
})
http.listen(Number(port), '127.0.0.1', () => console.log(`${name} listens on port ${http.address().port}`))
