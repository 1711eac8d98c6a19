/** One server, as it is reached. */
export interface StoreNode {
  readonly host: string
  readonly port: number
}

/** How the nodes of a store belong together. */
export type StoreKind = 'single' | 'sentinel' | 'cluster'

/** A store, as a URL tells it. It holds passwords: nothing may print it whole. */
export interface StoreAddress {
  readonly kind: StoreKind
  /** Of `sentinel` those of the Sentinels, of `cluster` some of its nodes. */
  readonly nodes: readonly StoreNode[]
  readonly isTls: boolean
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Number of the database; 0 in a cluster. */
  readonly database: number
  /** What the Sentinels call the primary. */
  readonly primary?: string | undefined
  /** For the Sentinels themselves. */
  readonly sentinelUsername?: string | undefined
  readonly sentinelPassword?: string | undefined
}

const SCHEME = /^(redis|valkey)(s?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/?#]*)@)?([^@/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/
/** A login in which something has a meaning that it should not have. */
const BARE_LOGIN = /^(?:redis|valkey)s?(?:\+(?:sentinel|cluster))?:\/\/[^@]*[@/?#].*@/
const UNREADABLE =
  'it has a part that cannot be read: in user names, passwords and options % and what has a meaning in URLs is written as %XX'
const HOST = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252})))(?::([0-9]{1,5}))?$/
const PORTS = { single: 6379, sentinel: 26379, cluster: 6379 } as const
const MOST_NODES = 32
const LAST_DATABASE = 1_000_000
const LAST_PORT = 65_535

/** How URLs of stores look. */
export const STORE_URLS =
  'redis://[user:password@]host[:port][/database], rediss://…, redis+sentinel://host,host/PRIMARY, redis+cluster://host,host'

/** Reads the URL of a store. A text instead: what is wrong with it, without any of it. */
export function readStoreAddress(url: string): StoreAddress | string {
  const parts = SCHEME.exec(url)
  if (parts === null) return BARE_LOGIN.test(url) ? UNREADABLE : 'this is not the URL of a Redis or Valkey server'
  const [, , secure, form, login, hosts = '', path = '', query = ''] = parts
  const kind = (form ?? 'single') as StoreKind
  const nodes = hosts.split(',').map(host => readNode(host, PORTS[kind]))
  if (nodes.some(node => node === undefined))
    return BARE_LOGIN.test(url) ? UNREADABLE : 'its hosts cannot be read: expected host[:port], and commas between'
  if (kind === 'single' && nodes.length > 1)
    return 'it has several hosts: write redis+sentinel:// or redis+cluster:// for what they are'
  if (nodes.length > MOST_NODES) return `it has ${nodes.length} hosts, and ${MOST_NODES} are enough`
  const place = readPath(kind, path)
  if (typeof place === 'string') return place
  const names = readLogin(login)
  const options = readQuery(kind, query)
  if (names === undefined || options === undefined) return UNREADABLE
  if (names.username !== undefined && names.password === undefined)
    return 'it has a user without a password: write :PASSWORD@ or USER:PASSWORD@'
  if (typeof options === 'string') return options
  return { kind, nodes: nodes as StoreNode[], isTls: secure === 's', ...place, ...names, ...options }
}

/** The same without anything that is secret. */
export function storeText({ kind, nodes, isTls, primary, database }: StoreAddress): string {
  const hosts = nodes.map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port}`).join(',')
  const path = [primary, database === 0 ? undefined : database].filter(part => part !== undefined).join('/')
  return `redis${isTls ? 's' : ''}${kind === 'single' ? '' : `+${kind}`}://${hosts}${path === '' ? '' : `/${path}`}`
}

function readNode(text: string, port: number): StoreNode | undefined {
  const [, v6, name, number] = HOST.exec(text) ?? []
  const host = v6 ?? name
  const given = number === undefined ? port : Number(number)
  return host === undefined || given < 1 || given > LAST_PORT ? undefined : { host, port: given }
}

function readPath(kind: StoreKind, path: string): Pick<StoreAddress, 'primary' | 'database'> | string {
  const [first = '', ...rest] = path.split('/').filter(step => step !== '')
  const [name, number, ...more] = kind === 'sentinel' ? [first, ...rest] : ['', first, ...rest]
  if (kind === 'sentinel' && name === '')
    return 'it does not say what the Sentinels call the primary: …/NAME at its end'
  if (kind === 'cluster' && path !== '' && path !== '/') return 'a cluster has no databases'
  const database = number === undefined || number === '' ? 0 : Number(number)
  if (more.length > 0 || !Number.isInteger(database) || database < 0 || database > LAST_DATABASE)
    return 'the number of its database cannot be read'
  return kind === 'sentinel' ? { primary: name, database } : { database }
}

function readLogin(login: string | undefined): Pick<StoreAddress, 'username' | 'password'> | undefined {
  if (login === undefined || login === '') return {}
  const colon = login.indexOf(':')
  // For redis-cli what stands alone is a password, for most other clients a user.
  const [user, secret] = colon < 0 ? [login, undefined] : [login.slice(0, colon), login.slice(colon + 1)]
  const [username, password] = [decoded(user), secret === undefined ? undefined : decoded(secret)]
  if (username === undefined || (secret !== undefined && password === undefined)) return undefined
  return { ...(username === '' ? {} : { username }), ...(password === undefined ? {} : { password }) }
}

const OPTIONS = ['sentinelUsername', 'sentinelPassword'] as const

function readQuery(kind: StoreKind, query: string): Pick<StoreAddress, (typeof OPTIONS)[number]> | string | undefined {
  const options: Partial<Record<(typeof OPTIONS)[number], string>> = {}
  for (const pair of query.split('&').filter(part => part !== '')) {
    const [key = '', ...value] = pair.split('=')
    const option = OPTIONS.find(candidate => candidate === key)
    if (option === undefined || kind !== 'sentinel')
      return `it has an option that is not known${kind === 'sentinel' ? `: ${OPTIONS.join(', ')}` : ' there'}`
    const text = decoded(value.join('='))
    if (text === undefined) return undefined
    options[option] = text
  }
  return options
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
