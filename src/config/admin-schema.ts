import { z } from 'zod'
import { DEFAULT_ADMIN_LISTEN } from './address.ts'
import { listenAddress } from './scalars.ts'
import { secret } from './secret-schema.ts'
import { hostHeader } from './text-scalars.ts'

const MOST_HOSTS = 100

/** The admin API; without it there is none. */
export function admin() {
  return z
    .strictObject({
      listen: listenAddress('Where it listens: unix:/path, host:port, "[v6]:port" or :port.').prefault(
        DEFAULT_ADMIN_LISTEN,
      ),
      token: secret(
        'What clients must show as their bearer token. Required unless it listens on a unix socket.',
      ).optional(),
      hosts: z
        .array(hostHeader('A host, with or without a port.'))
        .max(MOST_HOSTS)
        .prefault([])
        .describe('Further values of the header Host that are taken, besides its own address and localhost.'),
    })
    .optional()
    .describe('The admin API: HTTP and JSON for whoever operates Limpet.')
}
