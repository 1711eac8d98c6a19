import { Hasher, u64 } from './hash.ts'

/** What identifies a client: a kind and 64 bits. */
export interface OracleKey {
  /** 1: an IPv4 prefix; 2: an IPv6 prefix of up to 64 bits; 3: a hash of something longer. */
  kind: 1 | 2 | 3
  value: bigint
}

/** How keys are made. */
export interface KeyRules {
  ipv4Prefix: number
  ipv6Prefix: number
  /** 192 bytes; hashes what does not fit into 64 bits. */
  secret: Uint8Array
}

// Keeps hashed IPv6 prefixes apart from byte keys of the same content.
const IPV6_DOMAIN = 0x6c696d7065743676n

/** The key of an address that is known to be one. */
export function addressKey(address: string, rules: KeyRules): OracleKey {
  if (!address.includes(':')) return ipv4Key(ipv4Number(address), rules)
  const number = ipv6Number(address)
  if (number >> 32n === 0xffffn) return ipv4Key(number & 0xffffffffn, rules)
  const masked = keepUpper(number, rules.ipv6Prefix, 128)
  if (rules.ipv6Prefix <= 64) return { kind: 2, value: masked >> 64n }
  const bytes = Buffer.from(masked.toString(16).padStart(32, '0'), 'hex')
  return { kind: 3, value: new Hasher(rules.secret).hash(bytes) ^ IPV6_DOMAIN }
}

/** The key of arbitrary bytes. */
export function bytesKey(bytes: Uint8Array, rules: KeyRules): OracleKey {
  return { kind: 3, value: new Hasher(rules.secret).hash(Buffer.from(bytes)) }
}

/** The nine bytes of a key that are hashed. */
export function keyBytes(key: OracleKey): Buffer {
  return Buffer.concat([Buffer.from([key.kind]), u64(key.value)])
}

function ipv4Key(number: bigint, rules: KeyRules): OracleKey {
  return { kind: 1, value: keepUpper(number, rules.ipv4Prefix, 32) }
}

function keepUpper(number: bigint, prefix: number, bits: number): bigint {
  const dropped = BigInt(bits - prefix)
  return (number >> dropped) << dropped
}

function ipv4Number(text: string): bigint {
  return text.split('.').reduce((number, part) => number * 256n + BigInt(part), 0n)
}

/** Eight groups of 16 bits; `::` stands for as many zero groups as are missing, a dotted tail for two groups. */
function ipv6Number(text: string): bigint {
  const [before = '', after] = text.split('::')
  const head = groups(before)
  const tail = groups(after ?? '')
  const zeros = Array<bigint>(8 - head.length - tail.length).fill(0n)
  return [...head, ...zeros, ...tail].reduce((number, group) => number * 65_536n + group, 0n)
}

function groups(text: string): bigint[] {
  if (text === '') return []
  return text.split(':').flatMap(part => {
    if (!part.includes('.')) return [BigInt(`0x${part}`)]
    const number = ipv4Number(part)
    return [number >> 16n, number & 0xffffn]
  })
}
