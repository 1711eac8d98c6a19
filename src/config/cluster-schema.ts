import { z } from 'zod'
import type { Mode } from './duration.ts'
import { duration, name, oneOf } from './scalars.ts'
import { secret } from './secret-schema.ts'
import { filePath } from './text-scalars.ts'

const MINUTE = 60_000
const START = { min: 0, max: 10 * MINUTE }
const SWITCH = { min: 1000, max: 10 * MINUTE }

/** Balancers that share their exceptions; without it each is alone. */
export function cluster(mode: Mode) {
  return z
    .strictObject({
      url: secret(
        'The Redis or Valkey where exceptions are shared: redis://[user:password@]host[:port][/database], rediss://…, redis+sentinel://host,host/PRIMARY or redis+cluster://host,host.',
      ),
      name: name('What the balancers that belong together call themselves.').prefault('default'),
      prefix: name('What the keys in the store begin with.').prefault('limpet'),
      ca: filePath(
        'Certificates that may have signed that of the store; relative to the configuration file. off: those of the system.',
        'LIMPET_ERR_CONFIG',
      ).prefault('off'),
      startTimeout: duration(START, mode, 'How long a start waits for the exceptions that there are.').prefault('5s'),
      switchTimeout: duration(
        SWITCH,
        mode,
        'How long a change that moves homes waits until every balancer has said which clients stay where they are.',
      ).prefault('10s'),
      membership: oneOf(
        ['local', 'cluster'],
        'Whose backends are changed by an operator. local: those of the balancer that is asked; cluster: those of all.',
      ).prefault('local'),
    })
    .optional()
    .describe('Balancers that share which clients are not at home, through Redis or Valkey. Left out: each is alone.')
}
