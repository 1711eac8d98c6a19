import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import type { Dial } from './net.ts'
import { within } from './wait.ts'

/**
 * Listens (without arguments, prints the port) or connects (host, port), echoes what comes first, and at the first line of
 * its standard input closes the connection in repair mode: the other end sees nothing.
 */
const PROGRAM = `
import select, socket, sys
TCP_REPAIR = 19
if len(sys.argv) > 1:
    peer = socket.create_connection((sys.argv[1], int(sys.argv[2])))
    print('connected', flush=True)
else:
    with socket.create_server(('127.0.0.1', 0)) as server:
        print(server.getsockname()[1], flush=True)
        peer, _ = server.accept()
while True:
    ready, _, _ = select.select([peer, sys.stdin], [], [])
    if sys.stdin in ready: break
    data = peer.recv(65536)
    if not data: break
    peer.sendall(data)
peer.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
peer.close()
print('gone', flush=True)
`

/** A peer, one connection, that can vanish without a trace on the network. */
export class SilentPeer implements AsyncDisposable {
  /** Where it listens. */
  readonly address: string
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>
  readonly #exited: Promise<unknown>

  private constructor(child: ChildProcess, lines: Interface, address: string) {
    this.#child = child
    this.#lines = lines[Symbol.asyncIterator]()
    this.#exited = once(child, 'close')
    this.address = address
  }

  static async listen(): Promise<SilentPeer> {
    return await SilentPeer.#start([])
  }

  static async connect({ host = '', port = 0 }: Dial): Promise<SilentPeer> {
    return await SilentPeer.#start([host, String(port)])
  }

  static async #start(args: readonly string[]): Promise<SilentPeer> {
    const child = spawn('python3', ['-c', PROGRAM, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout })
    const [first] = (await within('the silent peer to start', once(lines, 'line'))) as [string]
    return new SilentPeer(child, lines, `127.0.0.1:${first}`)
  }

  /** Power off. */
  async vanish(): Promise<void> {
    const gone = this.#lines.next()
    this.#child.stdin?.write('\n')
    await within('the silent peer to vanish', gone)
    await within('the silent peer to end', this.#exited)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exited
  }
}
