// The parent of a balancer's process, to be killed.

import type { Dial } from '../net.ts'
import { ProcessRig, type ProcessRigSettings } from '../process-rig.ts'
import { RELAYS } from '../relays.ts'
import { answerParent } from './answer.ts'

answerParent({
  /** Starts the balancer; `relay`: which of the pairs. */
  async start(relay: string, settings: ProcessRigSettings): Promise<Dial> {
    const pair = RELAYS.find(known => known.relay === relay)
    if (pair === undefined) throw new RangeError(`there is no relay ${relay}`)
    return (await ProcessRig.open(pair, settings)).dial
  },
})
