import { z } from 'zod'
import { readNetwork } from './network.ts'
import { accept, type Parsed, refuse } from './parsed.ts'
import { oneOf, scalar } from './scalars.ts'
import { quote, show } from './text.ts'

/** So many hold some two million connections to each backend. */
export const MOST_SOURCES = 64
const ACCEPTED_SOURCE = 'an IP address of this host, like 192.0.2.7 or "2001:db8::7" (quoted in YAML)'

/** An address that connections can come from; in canonical text. */
export function readSource(value: unknown): Parsed<string> {
  if (typeof value !== 'string') return bad(`expected an IP address, got ${show(value)}`)
  const read = value.includes('/') ? undefined : readNetwork(value)
  if (read === undefined || !('value' in read)) return bad(`${quote(value)} is not an IP address`)
  const [address = ''] = read.value.split('/', 1)
  return address === '0.0.0.0' || address === '::'
    ? bad(`${quote(value)} is no address that a connection can come from`)
    : accept(address)
}

function bad(message: string): Parsed<string> {
  return refuse(message, ACCEPTED_SOURCE, 'LIMPET_ERR_BAD_ADDRESS')
}

/** What backends are told of the client. */
export function sendProxy() {
  const settings = z
    .strictObject({
      version: oneOf(['v1', 'v2'], 'The version of the header.').prefault('v2'),
      tlvs: z
        .array(
          oneOf(
            ['authority', 'uniqueId', 'crc32c'],
            "authority: the server name of the client's TLS, where it has come by then; uniqueId: the id of the session; crc32c: a checksum of the header.",
          ),
        )
        .max(3)
        .prefault([])
        .describe('What a header of version 2 says besides the addresses.'),
    })
    .superRefine(({ version, tlvs }, context) => {
      if (version === 'v2' || tlvs.length === 0) return
      const params = { accepted: '[]; or version: v2' }
      context.addIssue({ code: 'custom', path: ['tlvs'], message: 'a header of version 1 has none', params })
    })
  const synonyms = new Map<unknown, 'off'>([[false, 'off']])
  return z
    .union([
      settings,
      oneOf<'off' | 'v1' | 'v2', false>(
        ['off', 'v1', 'v2'],
        'A header of that version, or none.',
        synonyms,
        '{ version, tlvs }',
      ),
    ])
    .prefault('off')
    .describe('The PROXY protocol header that backends get before the first byte, and checks send.')
}

/** Where connections to backends come from. */
export function source() {
  const synonyms = new Map<unknown, 'on' | 'off'>([
    [true, 'on'],
    [false, 'off'],
  ])
  const address = scalar<string, string>(readSource, {
    type: 'string',
    pattern: '^[0-9A-Fa-f:.]{2,45}$',
    description: ACCEPTED_SOURCE,
  })
  return z
    .strictObject({
      bind: z
        .array(address)
        .max(MOST_SOURCES)
        .prefault([])
        .describe('Addresses of this host that connections to backends come from, in turn; empty: the system chooses.'),
      transparent: oneOf<'off' | 'on' | 'port', boolean>(
        ['off', 'on', 'port'],
        "Whether sessions reach the backend from the client's own address (on), or from its port, too (port), by IP_TRANSPARENT; the network must route the answers back here.",
        synonyms,
      ).prefault('off'),
    })
    .prefault({})
    .describe('Where connections to backends come from.')
}
