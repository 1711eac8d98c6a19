// One address for several Socket.IO servers. Long polling is many requests, on as many connections as the client likes: all of
// a client's must come to the server that has its session, or that says "Session ID unknown".
//
//   node examples/socket.io/server.js 3001 a &  node examples/socket.io/server.js 3002 b &
//   node examples/socket.io/front.js 127.0.0.1:3000 a=127.0.0.1:3001 b=127.0.0.1:3002
//
// Clients keep cookies: browsers do, and socket.io-client elsewhere with { withCredentials: true }.
import { Balancer } from 'limpet'

const [bind, ...servers] = process.argv.slice(2)

const balancer = new Balancer({
  listeners: [{ name: 'front', bind, pool: 'web' }],
  pools: {
    web: {
      secret: process.env.LIMPET_SECRET,
      // Set with the answer to the handshake, which is the first request of a client: it may be anywhere. Addresses would put
      // all clients of one office on one server.
      affinity: { cookie: { mode: 'insert', name: 'home' }, key: 'http.cookie:home', fallback: 'random' },
      // A server that dies is left at the first connect that fails, and its clients begin anew elsewhere.
      health: { type: 'tcp' },
      backends: servers.map(server => {
        const [name, address] = server.split('=')
        return { name, address }
      }),
    },
  },
})
await balancer.listen()
console.log(`sockets are served at ${balancer.address().address}:${balancer.address().port}`)
process.once('SIGTERM', () => balancer.close({ timeoutMs: 5000 }))
