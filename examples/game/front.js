// One address for several game servers: a player comes back to the server that has his world, from wherever he plays. Limpet does not
// know the game's protocol; the function that finds the player's id in it is in protocol.js.
//
//   node examples/game/front.js 127.0.0.1:7300 a=127.0.0.1:7301 b=127.0.0.1:7302 c=127.0.0.1:7303
import { Balancer } from 'limpet'
import { playerId } from './protocol.js'

const [bind, ...servers] = process.argv.slice(2)

const balancer = new Balancer({
  // A HELLO is short, and comes at once.
  listeners: [{ name: 'front', bind, pool: 'game', peek: { bytes: 128, timeout: '2s' } }],
  pools: {
    game: {
      secret: process.env.LIMPET_SECRET,
      affinity: { key: playerId, fallback: 'refuse' },
      backends: servers.map(server => {
        const [name, address] = server.split('=')
        return { name, address }
      }),
    },
  },
})
await balancer.listen()
console.log(`players are served at ${balancer.address().address}:${balancer.address().port}`)
process.once('SIGTERM', () => balancer.close({ timeoutMs: 5000 }))
