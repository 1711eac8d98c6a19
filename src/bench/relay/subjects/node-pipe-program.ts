// The balancer that one writes in a minute. Its arguments are the ports of backends, which take turns; it prints
// `{"port":N}`, and ends with its standard input.
import { type AddressInfo, connect, createServer } from 'node:net'

const ports = process.argv.slice(2).map(Number)
let turn = 0

const server = createServer({ allowHalfOpen: true, noDelay: true }, client => {
  const port = ports[turn++ % ports.length] ?? 0
  const backend = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  client.pipe(backend)
  backend.pipe(client)
  client.on('error', () => backend.destroy())
  backend.on('error', () => client.destroy())
})
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }))
})
process.stdin.on('end', () => process.exit()).resume()
