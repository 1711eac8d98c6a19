// One address for several RDP hosts: a user finds his session again on the host that has it, from whatever desk.
//
//   node examples/rdp/front.js 0.0.0.0:3389 a=10.0.0.1:3389 b=10.0.0.2:3389
import { Balancer } from 'limpet'

const [bind, ...hosts] = process.argv.slice(2)

const balancer = new Balancer({
  listeners: [{ name: 'front', bind, pool: 'hosts' }],
  pools: {
    hosts: {
      secret: process.env.LIMPET_SECRET,
      // `mstshash`, of which clients send nine characters. One that sends none is known by its address.
      affinity: { key: 'rdp.cookie', fallback: 'source' },
      // A session that was left open is found again for half a day.
      stickTable: { size: 100_000, ttl: '12h' },
      // A desktop that nobody touches is still a desktop.
      timeouts: { idle: '1d' },
      backends: hosts.map(host => {
        const [name, address] = host.split('=')
        return { name, address }
      }),
    },
  },
})
balancer.on('backendDown', ({ name, reason }) => console.log(`${name} is down: ${reason}`))
await balancer.listen()
console.log(`users are served at ${balancer.address().address}:${balancer.address().port}`)
process.once('SIGTERM', () => balancer.close({ timeoutMs: 5000 }))
