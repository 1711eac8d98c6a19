// What lies in deploy/, as its tests read it.
import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'chai'
import { parse, parseAllDocuments } from 'yaml'
import { LONGEST_TIMER_MS, readDuration } from '../../src/config/duration.ts'
import { limpet } from '../cli/helpers.ts'
import type { Directory } from '../helpers/directory.ts'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const DEPLOY = join(ROOT, 'deploy')
export const VERSION = (JSON.parse(textOf('../package.json')) as { version: string }).version

/** The text of a file in deploy/. */
export function textOf(name: string): string {
  return readFileSync(join(DEPLOY, name), 'utf8')
}

/** Every YAML file in deploy/. */
export function yamlFiles(): string[] {
  const names = readdirSync(DEPLOY, { recursive: true, encoding: 'utf8' })
  return names.filter(name => /\.ya?ml$/.test(name)).sort()
}

/** The documents of a YAML file, which may be several. */
export function documentsOf<T>(text: string): T[] {
  return parseAllDocuments(text).map(document => document.toJS() as T)
}

/** What samples say of secrets, by the file or the variable that has them. */
const SECRETS: Readonly<Record<string, string>> = {
  'pool-secret': 'a secret of tests',
  'admin-token': 'a-token-of-tests',
  'cluster-url': 'redis://127.0.0.1:1',
}
const VARIABLES = { LIMPET_SECRET: 'a secret of tests', LIMPET_CLUSTER_URL: 'redis://127.0.0.1:1' }
const SECRET_FILE = /\/run\/(?:secrets\/limpet|credentials\/limpet\.service)\//g

/** Names of the secrets that a sample reads from files. */
export function secretFilesOf(text: string): string[] {
  return [...text.matchAll(new RegExp(`${SECRET_FILE.source}([a-z-]+)`, 'g'))].map(([, name = '']) => name).sort()
}

/** A sample configuration as a file of a test, whose secrets are there; its text is kept but for their places. */
export async function sampleFile(directory: Directory, text: string): Promise<string> {
  const file = directory.file('limpet.yaml')
  for (const name of secretFilesOf(text)) {
    const path = directory.file(`secrets/${name}`)
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, `${SECRETS[name]}\n`, { mode: 0o600 })
  }
  await writeFile(file, text.replace(SECRET_FILE, `${directory.file('secrets')}/`))
  return file
}

/** `limpet check` takes a sample; gives what it says is in force, and what it warns of. */
export async function check(directory: Directory, text: string): Promise<{ stdout: string; warnings: string[] }> {
  const file = await sampleFile(directory, text)
  const { status, stdout, stderr } = await limpet(['check', '-c', file], { env: VARIABLES })
  expect(status, stderr).to.equal(0)
  return { stdout, warnings: stderr.split('\n').filter(line => line !== '') }
}

/** Settings of a sample. */
export function settingsOf<T>(text: string): T {
  return parse(text) as T
}

/** A duration like `30s`, as Limpet and Compose write it, in seconds. */
export function secondsOf(text: string): number {
  const read = readDuration(text, { min: 0, max: LONGEST_TIMER_MS }, 'yaml')
  if ('refusal' in read) throw new Error(`${text} is no duration`)
  return read.value / 1000
}
