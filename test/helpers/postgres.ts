import { chown, readFile } from 'node:fs/promises'
import type { Directory } from './directory.ts'
import { startOnFreePort } from './on-free-port.ts'
import { Program, runProgram } from './programs.ts'

const SETTINGS = {
  listen_addresses: '127.0.0.1',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  max_connections: '50',
  autovacuum: 'off',
}

/** PostgreSQL's programs that a test needs. */
export interface PostgresFiles {
  initdb: string
  postgres: string
}

/** A cluster of a test, with a user `limpet` without a password. It does not outlive a crash, so it is quick. */
export class PostgresServer implements AsyncDisposable {
  readonly port: number
  readonly #program: Program

  private constructor(port: number, program: Program) {
    this.port = port
    this.#program = program
  }

  static async start({ initdb, postgres }: PostgresFiles, directory: Directory): Promise<PostgresServer> {
    const owner = await unprivilegedUser()
    if (owner !== undefined) await chown(directory.path, owner.uid, owner.gid)
    const data = directory.file('data')
    // The directory of the tests may be closed to that user.
    const options = { cwd: directory.path, ...owner }
    const args = [
      '-D',
      data,
      '-U',
      'limpet',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--no-locale',
      '--no-sync',
      '--no-instructions',
    ]
    await runProgram(initdb, args, options)
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    const { program, port } = await startOnFreePort(
      at => new Program(postgres, ['-D', data, '-p', String(at), '-k', directory.path, ...settings], options),
      started => started.says('database system is ready to accept connections'),
    )
    return new PostgresServer(port, program)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // SIGQUIT: its immediate shutdown, which ends its children too.
    await this.#program.stop('SIGQUIT')
  }
}

/** PostgreSQL refuses to run as root. */
async function unprivilegedUser(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').map(line => line.split(':'))
  const [, , uid, gid] = lines.find(([name]) => name === 'postgres') ?? lines.find(([name]) => name === 'nobody') ?? []
  return { uid: Number(uid), gid: Number(gid) }
}
