import { fileURLToPath } from 'node:url'
import type { Dial } from './net.ts'
import { Program } from './programs.ts'
import { compiled } from './typescript/compiled.ts'
import { until } from './wait.ts'

const MAIN = new URL('../../src/cli/main.ts', import.meta.url)
const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * What of a service manager a service sees: its listen sockets and its socket for news stay open while the service comes
 * and goes. `start` on its input starts it; what it is told, and how the service ended, are lines of JSON.
 */
const MANAGER = `
import json, os, select, signal, socket, sys
notify_path, watchdog, sockets, command = sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), sys.argv[4:]
def say(what): os.write(1, (json.dumps(what) + "\\n").encode())
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(notify_path)
held = []
for name, path in sockets:
    s = socket.socket(socket.AF_UNIX if path else socket.AF_INET, socket.SOCK_STREAM)
    s.bind(path if path else ("127.0.0.1", 0))
    s.listen(128)
    held.append(s)
    say({"opened": name, "port": 0 if path else s.getsockname()[1]})
# Away from the numbers that the service gets.
fds = [os.dup2(s.fileno(), 100 + at) for at, s in enumerate(held)]
def start():
    child = os.fork()
    if child: return child
    for at, fd in enumerate(fds): os.dup2(fd, 3 + at, inheritable=True)
    env = dict(os.environ, LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)),
               LISTEN_FDNAMES=":".join(name for name, _ in sockets), NOTIFY_SOCKET=notify_path)
    if watchdog != "0": env.update(WATCHDOG_PID=str(os.getpid()), WATCHDOG_USEC=watchdog)
    os.execvpe(command[0], command, env)
child = 0
woken, wake = os.pipe()
os.set_blocking(wake, False)
signal.signal(signal.SIGCHLD, lambda *_: None)
signal.set_wakeup_fd(wake)
while True:
    ready = select.select([sys.stdin, notify, woken], [], [])[0]
    if notify in ready: say({"told": notify.recv(65536).decode()})
    if woken in ready:
        os.read(woken, 64)
        ended, status = os.waitpid(-1, os.WNOHANG)
        if ended: say({"ended": os.waitstatus_to_exitcode(status)})
    if sys.stdin in ready:
        line = sys.stdin.readline().strip()
        if line == "start": child = start()
        elif line: os.kill(child, getattr(signal, line))
        else: sys.exit(0)
`

/** A listen socket of the manager's. */
export interface ManagedListenSocket {
  name: string
  /** Of a unix socket; else it is a free port of 127.0.0.1. */
  path?: string
}

interface Line {
  opened?: string
  port?: number
  told?: string
  ended?: number
  msg?: string
}

export interface ManagerOptions {
  sockets: ManagedListenSocket[]
  /** Where its socket for news is. */
  notifyPath: string
  /** The configuration of the service. */
  file: string
  watchdogMicros?: number
}

/** A service manager with `limpet run` as its service. */
export class TestServiceManager implements AsyncDisposable {
  readonly #program: Program
  readonly #sockets: ManagedListenSocket[]

  constructor({ sockets, notifyPath, file, watchdogMicros = 0 }: ManagerOptions) {
    const list = JSON.stringify(sockets.map(({ name, path = '' }) => [name, path]))
    const service = [process.execPath, compiled(MAIN), 'run', '-c', file]
    const args = ['-c', MANAGER, notifyPath, String(watchdogMicros), list, ...service]
    this.#program = new Program('python3', args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'pipe'] })
    this.#sockets = sockets
  }

  get output(): string {
    return this.#program.output
  }

  /** Where a socket listens. */
  async dial(name: string): Promise<Dial> {
    await this.#program.says(`{"opened": "${name}"`)
    const path = this.#sockets.find(socket => socket.name === name)?.path
    return path === undefined
      ? { host: '127.0.0.1', port: this.#find(line => line.opened === name)[0]?.port ?? 0 }
      : { path }
  }

  /** Starts the service, and does not wait. */
  start(): void {
    this.#program.child.stdin?.write('start\n')
  }

  /** Sends the service a signal. */
  signal(name: NodeJS.Signals): void {
    this.#program.child.stdin?.write(`${name}\n`)
  }

  /** The assignments that came so far. */
  told(): string[] {
    return this.#find(line => line.told !== undefined).flatMap(({ told = '' }) => told.trimEnd().split('\n'))
  }

  /** Waits for an assignment, a number of times. */
  async tells(assignment: string, times = 1): Promise<void> {
    await this.#until(
      `${assignment}, ${times} times`,
      () => this.told().filter(told => told === assignment).length >= times,
    )
  }

  /** Waits until the service has ended a number of times; gives its last exit status. */
  async ended(times = 1): Promise<number | undefined> {
    const ends = (): Line[] => this.#find(line => line.ended !== undefined)
    await this.#until(`${times} ends of the service`, () => ends().length >= times)
    return ends().at(-1)?.ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal('SIGKILL')
    this.#program.child.stdin?.end()
    await this.#program.exited
  }

  async #until(what: string, check: () => boolean): Promise<void> {
    await until(what, check, () => this.output)
  }

  #find(fits: (line: Line) => boolean): Line[] {
    const lines = this.output.split('\n').slice(0, -1)
    return lines.flatMap(line => (line.startsWith('{') ? [JSON.parse(line) as Line] : [])).filter(fits)
  }
}
