// Asks /readyz of the admin API on a unix socket: 0 if Limpet listens and every pool has a backend, otherwise 1.
import { get } from 'node:http'

const TIMEOUT_MS = 2500

const [socketPath = '/run/limpet/admin.sock'] = process.argv.slice(2)

/** @param {string} why */
function fail(why) {
  console.error(why)
  process.exit(1)
}

const request = get({ socketPath, path: '/readyz', headers: { host: 'localhost' }, timeout: TIMEOUT_MS }, response => {
  if (response.statusCode === 200) process.exit(0)
  fail(`status ${response.statusCode}`)
})
request.on('timeout', () => fail('no answer in time'))
request.on('error', error => fail(error.message))
