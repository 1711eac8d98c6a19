import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Child } from '../child.ts'
import { freePort, untilListening } from '../ports.ts'
import { descriptorLimit } from '../proc.ts'
import type { Rig, Subject } from '../subject.ts'
import { versionOf } from './version.ts'

/** Pipes for splicing; more than there are bulk sessions, twice. */
const PIPES = 100
/** Descriptors besides those of sessions and pipes. */
const OTHER_DESCRIPTORS = 200

/** HAProxy with what Limpet does, too: a stick table, consistent hashing of the source, bounded load, splice. */
export function haproxy(program: string): Subject {
  return {
    id: 'haproxy',
    name: 'HAProxy',
    hasProcess: true,
    probe: () => versionOf(program, ['-v'], /version (\S+)/i),
    start: async rig => {
      const port = await freePort()
      const file = join(rig.directory, 'haproxy.cfg')
      await writeFile(file, haproxyConfig(port, rig, descriptorLimit()))
      const child = new Child(program, ['-db', '-f', file], 'SIGKILL')
      try {
        await untilListening(port, child, rig.signal)
        return { ports: [port], pids: [child.pid], [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
      } catch (error) {
        await child[Symbol.asyncDispose]()
        throw error
      }
    },
  }
}

/** `hash-balance-factor` is for backends only, so this is no `listen` section. */
export function haproxyConfig(port: number, { backends, threads }: Rig, descriptors: number): string {
  const most = Math.floor((descriptors - OTHER_DESCRIPTORS - 2 * PIPES) / 2)
  const servers = backends.map((backend, i) => `  server b${i} 127.0.0.1:${backend}`)
  return `global
  maxconn ${most}
  maxpipes ${PIPES}
  nbthread ${threads}
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  option splice-auto
frontend clients
  bind 127.0.0.1:${port}
  default_backend servers
backend servers
  balance source
  hash-type consistent
  hash-balance-factor 125
  stick-table type ip size 1m expire 30m
  stick on src
${servers.join('\n')}
`
}
