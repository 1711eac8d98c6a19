import { writeFile } from 'node:fs/promises'
import type { Directory } from './directory.ts'
import { startOnFreePort } from './on-free-port.ts'
import { Program } from './programs.ts'

/** A dnsmasq of a test on the loopback address, which knows what its hosts file and its options say. */
export class Dnsmasq implements AsyncDisposable {
  readonly port: number
  readonly #program: Program
  readonly #hosts: string

  private constructor(port: number, program: Program, hosts: string) {
    this.port = port
    this.#program = program
    this.#hosts = hosts
  }

  /** @param options - lines of its configuration */
  static async start(file: string, directory: Directory, options: readonly string[] = []): Promise<Dnsmasq> {
    const hosts = directory.file('hosts')
    await writeFile(hosts, '')
    const { program, port } = await startOnFreePort(
      async at => {
        const config = directory.file('dnsmasq.conf')
        const lines = [
          ...['no-resolv', 'no-hosts', 'no-poll', 'local-ttl=1', 'log-facility=-', 'bind-interfaces', 'local=/test/'],
          ...[`port=${at}`, 'listen-address=127.0.0.1', `addn-hosts=${hosts}`, 'user=', 'pid-file='],
          ...options,
        ]
        await writeFile(config, `${lines.join('\n')}\n`)
        return new Program(file, ['--keep-in-foreground', `--conf-file=${config}`])
      },
      async started => void (await started.says(/read .*hosts/)),
    )
    return new Dnsmasq(port, program, hosts)
  }

  get address(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Lines of a hosts file, which it answers from now on. */
  async hosts(lines: readonly string[]): Promise<void> {
    await writeFile(this.#hosts, `${lines.join('\n')}\n`)
    this.#program.child.kill('SIGHUP')
  }

  /** Freezes it: it answers nobody; or lets it go on. */
  freeze(isFrozen: boolean): void {
    this.#program.child.kill(isFrozen ? 'SIGSTOP' : 'SIGCONT')
  }

  async kill(): Promise<void> {
    await this.#program.stop('SIGKILL')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }
}
