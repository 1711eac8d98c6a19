import { readFile } from 'node:fs/promises'
import type { Context } from 'mocha'
import { Directory } from './directory.ts'
import { requirePeer } from './peers.ts'
import { runProgram } from './programs.ts'

/** A certificate to make. */
export interface CertificateSettings {
  /** Default: the CA itself. */
  names?: readonly string[]
  subject?: string
  /** Who signs it, by its name here; default: itself. */
  by?: string
  /** In days; below 0: it has expired. */
  days?: number
}

/** Certificates in a directory, made by openssl. */
export class Certificates implements AsyncDisposable {
  readonly directory: Directory
  readonly #openssl: string

  private constructor(openssl: string, directory: Directory) {
    this.#openssl = openssl
    this.directory = directory
  }

  /** Skips the test where there is no openssl. */
  static async make(context: Context): Promise<Certificates> {
    return new Certificates(requirePeer(context, 'openssl'), await Directory.make())
  }

  cert(name: string): string {
    return this.directory.file(`${name}.pem`)
  }

  key(name: string): string {
    return this.directory.file(`${name}.key`)
  }

  /** As a listener has it. */
  pair(name: string): { cert: string; key: string } {
    return { cert: this.cert(name), key: this.key(name) }
  }

  async pem(name: string): Promise<Buffer> {
    return await readFile(this.cert(name))
  }

  async pemKey(name: string): Promise<Buffer> {
    return await readFile(this.key(name))
  }

  /** Makes one, in the place of one of the same name. */
  async add(name: string, settings: CertificateSettings = {}): Promise<void> {
    const { names = [], subject = `/CN=${name}`, by, days = 2 } = settings
    const alternatives = names.map(one => (/^[\d.]+$/.test(one) ? `IP:${one}` : `DNS:${one}`)).join(',')
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const request = ['-subj', subject, ...(alternatives === '' ? [] : ['-addext', `subjectAltName=${alternatives}`])]
    const files = ['-keyout', this.key(name)]
    if (by === undefined) {
      const own = ['req', '-x509', '-days', String(days), ...kind, ...request, ...files, '-out', this.cert(name)]
      await runProgram(this.#openssl, own)
      return
    }
    const csr = this.directory.file(`${name}.csr`)
    await runProgram(this.#openssl, ['req', '-new', ...kind, ...request, ...files, '-out', csr])
    const signed = [
      'x509',
      '-req',
      '-in',
      csr,
      '-CA',
      this.cert(by),
      '-CAkey',
      this.key(by),
      '-copy_extensions',
      'copy',
    ]
    await runProgram(this.#openssl, [...signed, '-days', String(days), '-out', this.cert(name)])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.directory[Symbol.asyncDispose]()
  }
}
