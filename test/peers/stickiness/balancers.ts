import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { Balancer, type ListenerOptions, type PoolOptions } from '../../../src/index.ts'
import type { Directory } from '../../helpers/directory.ts'
import { type Dial, toDial } from '../../helpers/net.ts'
import { type OnPort, startOnFreePort } from '../../helpers/on-free-port.ts'
import { Program } from '../../helpers/programs.ts'
import type { NamedServer } from './servers.ts'

/** Whoever stands between clients and servers. */
export interface Subject extends AsyncDisposable {
  readonly dial: Dial
  /** Ends it, and starts it anew with the same settings. */
  restart(): Promise<void>
}

/** What it is told of a way besides the servers. */
export interface LimpetSettings {
  listener?: Partial<ListenerOptions>
  /** As YAML has it. */
  pool: string
}

/** This Limpet, with its table in a file. */
export class LimpetSubject implements Subject {
  readonly #make: () => Balancer
  #balancer: Balancer

  private constructor(make: () => Balancer) {
    this.#make = make
    this.#balancer = make()
  }

  static async start(
    { listener, pool }: LimpetSettings,
    servers: readonly NamedServer[],
    file: string,
  ): Promise<LimpetSubject> {
    const options: PoolOptions = {
      secret: 'a secret of tests',
      stickTable: { size: 10_000, file },
      boundedLoad: 'off',
      ...(parse(pool) as PoolOptions),
      backends: servers.map(({ name, address }) => ({ name, address })),
    }
    const subject = new LimpetSubject(
      () =>
        new Balancer({
          listeners: [{ name: 'l', bind: '127.0.0.1:0', pool: 'p', peek: { timeout: '60s' }, ...listener }],
          pools: { p: options },
          log: { level: 'silent' },
        }),
    )
    await subject.#balancer.listen()
    return subject
  }

  get dial(): Dial {
    return toDial(this.#balancer.address())
  }

  async restart(): Promise<void> {
    await this.#balancer.close({ timeoutMs: 0 })
    this.#balancer = this.#make()
    await this.#balancer.listen()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#balancer.close({ timeoutMs: 0 })
  }
}

/** A program with a configuration file and a port. */
class ProgramSubject implements Subject {
  readonly #start: () => Promise<OnPort>
  #on: OnPort

  private constructor(start: () => Promise<OnPort>, on: OnPort) {
    this.#start = start
    this.#on = on
  }

  static async start(file: string, args: readonly string[], write: (port: number) => Promise<void>): Promise<Subject> {
    const start = async (): Promise<OnPort> =>
      await startOnFreePort(async port => {
        await write(port)
        return new Program(file, args)
      })
    return new ProgramSubject(start, await start())
  }

  get dial(): Dial {
    return { host: '127.0.0.1', port: this.#on.port }
  }

  async restart(): Promise<void> {
    await this.#on.program.stop()
    this.#on = await this.#start()
  }

  /** Gently: workers that are left over would keep its output open. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#on.program.isRunning) await this.#on.program.stop()
  }
}

/** What of HAProxy's configuration a way is. */
export interface HaproxySettings {
  mode: 'tcp' | 'http'
  frontend?: string
  backend: string
  /** Behind each server's address. */
  server?: (name: string) => string
  bind?: string
}

export async function startHaproxy(
  program: string,
  { mode, frontend = '', backend, server = () => '', bind = '' }: HaproxySettings,
  servers: readonly NamedServer[],
  directory: Directory,
): Promise<Subject> {
  const file = directory.file('haproxy.cfg')
  const lines = servers.map(
    ({ name, address }) => `  server ${name} ${address} check inter 100ms rise 1 fall 1 ${server(name)}`,
  )
  return await ProgramSubject.start(program, ['-db', '-f', file], async port => {
    const text = `defaults
  mode ${mode}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option redispatch 1
  retries 3
frontend clients
  bind 127.0.0.1:${port} ${bind}
${frontend}
  default_backend servers
backend servers
${backend}
${lines.join('\n')}
`
    await writeFile(file, text)
  })
}

/** What of nginx's configuration a way is: in its stream module, or in its http module. */
export interface NginxSettings {
  module: 'stream' | 'http'
  upstream: string
  server?: string
  /** Behind the address on which it listens. */
  listen?: string
}

export async function startNginx(
  program: string,
  { module, upstream, server = '', listen = '' }: NginxSettings,
  servers: readonly NamedServer[],
  directory: Directory,
): Promise<Subject> {
  const file = directory.file('nginx.conf')
  const stream = await streamModule(program)
  const members = servers.map(({ address }) => `    server ${address} max_fails=1 fail_timeout=1s;`).join('\n')
  const pass = module === 'http' ? 'location / { proxy_pass http://servers; }' : 'proxy_pass servers;'
  return await ProgramSubject.start(program, ['-p', directory.path, '-e', 'stderr', '-c', file], async port => {
    const text = `${stream}
daemon off;
pid ${join(directory.path, 'nginx.pid')};
error_log stderr crit;
events { worker_connections 500; }
${module} {
  ${module === 'http' ? 'access_log off;' : ''}
  upstream servers {
    ${upstream}
${members}
  }
  server {
    listen 127.0.0.1:${port} ${listen};
    ${server}
    ${pass}
  }
}
`
    await writeFile(file, text)
  })
}

async function streamModule(program: string): Promise<string> {
  const { stderr } = await promisify(execFile)(program, ['-V'])
  const [, modules = '/usr/lib/nginx/modules'] = /--modules-path=(\S+)/.exec(stderr) ?? []
  const file = join(modules, 'ngx_stream_module.so')
  return existsSync(file) ? `load_module ${file};` : ''
}
