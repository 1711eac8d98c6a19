import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Child } from '../child.ts'
import { freePort, untilListening } from '../ports.ts'
import { descriptorLimit, withDescendants } from '../proc.ts'
import type { Rig, Subject } from '../subject.ts'
import { versionOf } from './version.ts'

/** Of a worker, besides those of sessions. */
const OTHER_DESCRIPTORS = 100
const WORKERS_MS = 10_000
const POLL_MS = 10

/** nginx's stream module with consistent hashing of the source. It knows neither a stick table nor bounded load. */
export function nginx(program: string): Subject {
  return {
    id: 'nginx',
    name: 'nginx',
    hasProcess: true,
    probe: async () => {
      const module = await streamModule(program)
      if (module === undefined)
        return { missing: 'it has no stream module (Debian: apt-get install libnginx-mod-stream)' }
      return await versionOf(program, ['-v'], /nginx\/(\S+)/)
    },
    start: async rig => {
      const port = await freePort()
      const file = join(rig.directory, 'nginx.conf')
      const module = (await streamModule(program)) ?? ''
      await writeFile(file, nginxConfig(port, rig, descriptorLimit(), module))
      const child = new Child(program, ['-p', rig.directory, '-e', 'stderr', '-c', file], 'SIGTERM')
      try {
        await untilListening(port, child, rig.signal)
        const pids = await withWorkers(child, rig)
        return { ports: [port], pids, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
      } catch (error) {
        await child[Symbol.asyncDispose]()
        throw error
      }
    },
  }
}

/** The port is there before the workers are: they do what is measured. */
async function withWorkers(child: Child, { threads, signal }: Rig): Promise<number[]> {
  const deadline = performance.now() + WORKERS_MS
  for (;;) {
    const pids = withDescendants(child.pid)
    if (pids.length > threads) return pids
    if (performance.now() > deadline) throw child.failure(`started ${pids.length - 1} of ${threads} workers`)
    await sleep(POLL_MS, undefined, { signal })
  }
}

/** @param module - path of the stream module; empty: it is built in */
export function nginxConfig(port: number, rig: Rig, descriptors: number, module: string): string {
  const servers = rig.backends.map(backend => `    server 127.0.0.1:${backend};`)
  return `${module === '' ? '' : `load_module ${module};\n`}daemon off;
worker_processes ${rig.threads};
worker_rlimit_nofile ${descriptors};
pid ${join(rig.directory, 'nginx.pid')};
error_log stderr crit;
events {
  worker_connections ${descriptors - OTHER_DESCRIPTORS};
}
stream {
  upstream servers {
    hash $remote_addr consistent;
${servers.join('\n')}
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    proxy_pass servers;
    proxy_connect_timeout 5s;
    proxy_timeout 1h;
  }
}
`
}

/** Undefined: there is none. Empty: it is built in. */
async function streamModule(program: string): Promise<string | undefined> {
  try {
    const { stderr } = await promisify(execFile)(program, ['-V'])
    if (/--with-stream(\s|$)/.test(stderr)) return ''
    const [, modules] = /--modules-path=(\S+)/.exec(stderr) ?? []
    const file = join(modules ?? '/usr/lib/nginx/modules', 'ngx_stream_module.so')
    return existsSync(file) ? file : undefined
  } catch {
    // Not installed: its version says so.
    return ''
  }
}
