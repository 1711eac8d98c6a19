// node balancer.js PORT NAME=HOST:PORT…: Limpet in front of the game servers. A player comes back to the server that has his world,
// from wherever he plays.
import { Balancer } from 'limpet'
import { playerId } from './protocol.js'

const [port = '7300', ...servers] = process.argv.slice(2)
const backends = servers.map(server => {
  const [name, address] = server.split('=')
  return { name, address }
})

const balancer = new Balancer({
  listeners: [{ name: 'game', bind: `127.0.0.1:${port}`, pool: 'game', peek: { bytes: 128, timeout: '2s' } }],
  pools: {
    game: {
      secret: process.env.GAME_SECRET ?? 'only for this example',
      affinity: { key: playerId, fallback: 'refuse' },
      backends,
    },
  },
})
await balancer.listen()
console.log(`players connect to 127.0.0.1:${balancer.address().port}`)
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void balancer.close({ timeoutMs: 5000 }))
