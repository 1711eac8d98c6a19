// One address for several Redis servers: every user has a server of his own, wherever he comes from.
//
//   node examples/redis/front.js 127.0.0.1:6379 a=127.0.0.1:6380 b=127.0.0.1:6381 c=127.0.0.1:6382
import { Balancer } from 'limpet'

const [bind, ...servers] = process.argv.slice(2)

const balancer = new Balancer({
  listeners: [{ name: 'front', bind, pool: 'redis' }],
  pools: {
    redis: {
      secret: process.env.LIMPET_SECRET,
      // The user of AUTH or HELLO. Whoever says something else first is not served: he would get somebody's server.
      affinity: { key: 'redis.auth', fallback: 'refuse' },
      // A user's data is on one server only, so that no other may stand in for it.
      boundedLoad: 'off',
      failOpen: 'off',
      retries: 0,
      backends: servers.map(server => {
        const [name, address] = server.split('=')
        return { name, address }
      }),
    },
  },
})
await balancer.listen()
console.log(`users are served at ${balancer.address().address}:${balancer.address().port}`)
process.once('SIGTERM', () => balancer.close({ timeoutMs: 5000 }))
