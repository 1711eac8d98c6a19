import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

/** A compiler that cannot be found. */
export const NOWHERE = '/no/such/c++'

/** What a program ended with. */
export interface Ended {
  code: number
  stdout: string
  stderr: string
}

/** The packed tarball, installed in a directory of its own without running any script of a package. */
export class Installation {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'limpet-package-')))
  /** The installed package. */
  readonly package = join(this.directory, 'node_modules', 'limpet')

  /** Packs, which builds what is not up to date, and installs. */
  async create(): Promise<void> {
    const packed = join(this.directory, 'packed')
    mkdirSync(packed)
    await run('npm', ['pack', '--pack-destination', packed], { cwd: ROOT, env: cleanEnvironment() })
    const [tarball] = readdirSync(packed)
    if (tarball === undefined) throw new Error('npm pack made no tarball')
    this.write('package.json', '{ "name": "user", "private": true, "type": "module" }')
    const options = ['--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund']
    await run('npm', ['install', ...options, join(packed, tarball)], { cwd: this.directory, env: cleanEnvironment() })
  }

  /**
   * Installs anew from the lockfile with scripts, as npm 10 does it (npm 11 asks before it runs any), where no compiler
   * can be found. Returns what npm and the scripts wrote.
   */
  async reinstall(): Promise<Ended> {
    const options = ['--foreground-scripts', '--prefer-offline', '--no-audit', '--no-fund']
    return await this.#ended('npx', ['--yes', 'npm@10', 'ci', ...options], { CC: NOWHERE, CXX: NOWHERE })
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true })
  }

  write(name: string, content: string): string {
    const path = join(this.directory, name)
    writeFileSync(path, content)
    return path
  }

  /** Runs a module of the user's program to its end. */
  module(source: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    return this.#ended(process.execPath, [this.write('main.mjs', source)], env)
  }

  /** `npx limpet …` to its end. */
  limpet(...args: string[]): Promise<Ended> {
    return this.limpetWith({}, ...args)
  }

  limpetWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
    return this.#ended('npx', ['--no-install', 'limpet', ...args], env)
  }

  /** Starts `limpet …`; without npx between, so that a signal reaches it. */
  start(...args: string[]): ChildProcess {
    const program = join(this.directory, 'node_modules', '.bin', 'limpet')
    return spawn(program, args, { cwd: this.directory, env: cleanEnvironment(), stdio: ['ignore', 'pipe', 'inherit'] })
  }

  async #ended(command: string, args: string[], env: NodeJS.ProcessEnv): Promise<Ended> {
    try {
      const { stdout, stderr } = await run(command, args, {
        cwd: this.directory,
        env: { ...cleanEnvironment(), ...env },
      })
      return { code: 0, stdout, stderr }
    } catch (error) {
      const { code, stdout, stderr } = error as Error & { code: unknown; stdout: string; stderr: string }
      if (typeof code !== 'number') throw error
      return { code, stdout, stderr }
    }
  }
}

/** What npm sets for the scripts of this project would reach the npm of the other one. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(npm_|LIMPET_|NODE_OPTIONS$|INIT_CWD$)/.test(name))
  return Object.fromEntries(entries)
}

/** A backend that sends back what it gets, with its name before it. */
export async function startEcho(name: string): Promise<Server & { port: number }> {
  const server = createServer({ allowHalfOpen: true }, socket => {
    socket.write(`${name}:`)
    socket.pipe(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('an echo server has no port')
  return Object.assign(server, { port: address.port })
}

/** Sends a text, ends, and returns all that comes back. */
export async function ask(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.end(text)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** The first match in what a program writes; rejects if its output ends without one. */
export async function untilWritten(child: ChildProcess, pattern: RegExp): Promise<RegExpMatchArray> {
  let output = ''
  for await (const chunk of child.stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    output += String(chunk)
    const match = output.match(pattern)
    if (match !== null) return match
  }
  throw new Error(`it ended without ${pattern}; it wrote: ${output}`)
}
