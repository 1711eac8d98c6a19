import { z } from 'zod'
import { HOUR, type Mode } from './duration.ts'
import { duration, type network, onOff } from './scalars.ts'

/** `trust`: the reader of its networks, which has a default. */
export function proxyProtocol(mode: Mode, trust: z.ZodPrefault<z.ZodArray<ReturnType<typeof network>>>) {
  return z
    .strictObject({
      accept: onOff(
        'Whether every connection begins with a PROXY protocol header (version 1 or 2), which names the client.',
      ).prefault('off'),
      trust,
      timeout: duration({ min: 10, max: HOUR }, mode, 'How long the header is waited for.').prefault('3s'),
    })
    .prefault({})
    .describe('Clients that come through proxies.')
}
