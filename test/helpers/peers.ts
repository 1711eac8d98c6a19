import { accessSync, constants, existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { Context } from 'mocha'

/** Real programs that tests run behind Limpet, and the Debian package of each. */
export const PEERS = {
  'redis-server': 'redis-server',
  'redis-cli': 'redis-tools',
  'redis-benchmark': 'redis-tools',
  postgres: 'postgresql',
  initdb: 'postgresql',
  pg_ctl: 'postgresql',
  psql: 'postgresql-client',
  pgbench: 'postgresql-contrib',
  openssl: 'openssl',
  curl: 'curl',
  mosquitto: 'mosquitto',
  mosquitto_pub: 'mosquitto-clients',
  mosquitto_sub: 'mosquitto-clients',
  faketime: 'faketime',
  nft: 'nftables',
  ip: 'iproute2',
  ss: 'iproute2',
  haproxy: 'haproxy',
  nginx: 'nginx',
  strace: 'strace',
  dnsmasq: 'dnsmasq-base',
  chromium: 'chromium',
  kubectl: 'kubernetes-client',
  'docker-compose': 'docker-compose',
  keepalived: 'keepalived',
  shellcheck: 'shellcheck',
  yamllint: 'yamllint',
  sysctl: 'procps',
  'systemd-analyze': 'systemd',
  promtool: 'prometheus',
} as const

export type Peer = keyof typeof PEERS

// Debian keeps PostgreSQL's own programs out of PATH, a directory for each version.
const POSTGRES = '/usr/lib/postgresql'

/** The file of an installed program; undefined: it is not installed. */
export function findPeer(peer: Peer): string | undefined {
  const inPath = (process.env.PATH ?? '').split(delimiter).filter(directory => directory !== '')
  const directories = [...inPath, '/usr/sbin', '/sbin', ...postgresDirectories()]
  return directories.map(directory => join(directory, peer)).find(isExecutable)
}

/**
 * The file of a program that a test needs. If it is not installed, the test (or the suite, in a `before` hook) says so
 * and is skipped; with `LIMPET_TEST_REQUIRE_PEERS=1` it fails.
 *
 * @param context - `this` of the test or hook, which must be no arrow function
 */
export function requirePeer(context: Context, peer: Peer): string {
  const file = findPeer(peer)
  if (file !== undefined) return file
  return requireFeature(context, `${peer} is not installed (Debian: apt-get install ${PEERS[peer]})`)
}

/**
 * Skips the running test because this machine lacks something, or fails it with `LIMPET_TEST_REQUIRE_PEERS=1`. For what
 * is no program: a privilege, a kernel feature.
 *
 * @param missing - one sentence without its full stop
 */
export function requireFeature(context: Context, missing: string): never {
  if (peersRequired()) throw new Error(`${missing}, and LIMPET_TEST_REQUIRE_PEERS is set`)
  console.log(`      skipped: ${missing}.`)
  // skip() always throws; its type does not say so.
  return context.skip() as never
}

/** Whether a test that cannot run here is a failure. */
export function peersRequired(): boolean {
  return process.env.LIMPET_TEST_REQUIRE_PEERS === '1'
}

/** Newest version first. */
function postgresDirectories(): string[] {
  if (!existsSync(POSTGRES)) return []
  const versions = readdirSync(POSTGRES).sort((a, b) => Number(b) - Number(a))
  return versions.map(version => join(POSTGRES, version, 'bin'))
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK)
    return true
  } catch {
    return false
  }
}
