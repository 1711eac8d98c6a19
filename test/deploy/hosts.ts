// Hosts of a test: processes with a network, mounts and a /run of their own, on one wire.
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import type { Prefix } from '../helpers/processes.ts'
import { Program } from '../helpers/programs.ts'

const BRIDGE = 'wire'

/** A host. Programs in it are started with {@link Host.prefix}. */
export class Host implements AsyncDisposable {
  readonly name: string
  readonly #program: Program

  private constructor(name: string, program: Program) {
    this.name = name
    this.#program = program
  }

  /** @param mounts - directories that it sees in another place: there, and here */
  static async start(name: string, mounts: Readonly<Record<string, string>> = {}): Promise<Host> {
    const binds = Object.entries(mounts).map(([there, here]) => `mount --bind '${here}' '${there}'`)
    const lines = ['mount -t tmpfs tmpfs /run', 'mkdir /run/limpet', 'ip link set lo up', ...binds]
    // It lives as long as its standard input is open, so that nothing is left of it when the test is killed.
    const script = [...lines, 'echo begun', 'exec cat'].join(' && ')
    const own = ['--net', '--mount', '--propagation', 'private']
    const program = new Program('unshare', [...own, 'sh', '-c', script], { stdio: ['pipe', 'pipe', 'pipe'] })
    await program.says('begun')
    return new Host(name, program)
  }

  get #pid(): number {
    return this.#program.child.pid ?? 0
  }

  /** What runs a program in it; the program then has the process id. */
  get prefix(): Prefix {
    return ['nsenter', `--net=/proc/${this.#pid}/ns/net`, `--mount=/proc/${this.#pid}/ns/mnt`]
  }

  /** Runs a command to its end; gives its output. */
  run(...command: readonly string[]): string {
    const [program = '', ...args] = [...this.prefix, ...command]
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** Starts a program. */
  program(command: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    const [program = '', ...args] = [...this.prefix, ...command]
    return new Program(program, args, { env: { ...process.env, ...env } })
  }

  /** Lays the wire; the host has these addresses on it. */
  layWire(addresses: readonly string[]): void {
    this.run('ip', 'link', 'add', BRIDGE, 'type', 'bridge')
    this.run('ip', 'link', 'set', BRIDGE, 'up')
    this.#address(BRIDGE, addresses)
  }

  /** Joins the wire of another host by a device `eth0` with this address. */
  join(other: Host, address: string): void {
    const port = `to-${this.name}`
    other.run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(this.#pid))
    other.run('ip', 'link', 'set', port, 'master', BRIDGE, 'up')
    this.run('ip', 'link', 'set', 'eth0', 'up')
    this.#address('eth0', [address])
  }

  /** Whether an address is on its device. */
  has(address: string): boolean {
    return this.run('ip', '-brief', 'address', 'show', 'dev', 'eth0').includes(` ${address}/`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { stdin, exitCode } = this.#program.child
    stdin?.end()
    if (exitCode === null) await once(this.#program.child, 'exit')
  }

  #address(device: string, addresses: readonly string[]): void {
    for (const address of addresses) this.run('ip', 'address', 'add', `${address}/24`, 'dev', device)
  }
}
