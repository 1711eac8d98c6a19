import { readFile } from 'node:fs/promises'
import type { Directory } from './directory.ts'
import { runProgram } from './programs.ts'

/** As `node:tls` takes it. */
export interface Certificate {
  key: Buffer
  cert: Buffer
}

/** One that signs itself, made by OpenSSL; it lasts for two days. */
export async function selfSigned(openssl: string, directory: Directory, name = 'limpet.test'): Promise<Certificate> {
  const [key, cert] = [directory.file(`${name}.key.pem`), directory.file(`${name}.pem`)]
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  await runProgram(openssl, ['req', '-x509', ...kind, '-subj', `/CN=${name}`, '-keyout', key, '-out', cert])
  return { key: await readFile(key), cert: await readFile(cert) }
}
