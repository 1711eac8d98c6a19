// One address for several MQTT brokers that share nothing: a device comes back to the broker that has its session, its
// subscriptions and its queued messages, also from another address.
//
//   node examples/mqtt/front.js 127.0.0.1:1883 a=127.0.0.1:1884 b=127.0.0.1:1885 c=127.0.0.1:1886
import { Balancer } from 'limpet'

const [bind, ...brokers] = process.argv.slice(2)

const balancer = new Balancer({
  listeners: [{ name: 'front', bind, pool: 'brokers', peek: { timeout: '5s' } }],
  pools: {
    brokers: {
      secret: process.env.LIMPET_SECRET,
      affinity: { key: 'mqtt.clientId', fallback: 'random' },
      // As long as a broker keeps the session of a device that is away.
      stickTable: { size: 100_000, ttl: '1d' },
      // A client that a broker had no room for goes back to where its key belongs.
      returnHome: 'after-idle',
      // Brokers ping; a device may be silent for longer.
      timeouts: { idle: '1d' },
      health: { type: 'mqtt' },
      backends: brokers.map(broker => {
        const [name, address] = broker.split('=')
        return { name, address }
      }),
    },
  },
})
await balancer.listen()
console.log(`devices are served at ${balancer.address().address}:${balancer.address().port}`)
process.once('SIGTERM', () => balancer.close({ timeoutMs: 5000 }))
