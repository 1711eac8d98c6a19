// A balancer's view of a membership that it lists in an order of its own: what it prints must not depend on the order.
import { createHash } from 'node:crypto'
import { addressLines, homesDigest } from '../../helpers/oracle/homes.ts'
import { nthAddress, Random } from '../../helpers/oracle/random.ts'
import { nativePlacement } from '../../helpers/oracle/subject.ts'
import { MEMBERS, poolOf } from './agreement.ts'

const algorithm = process.argv[2] === 'ring' ? 'ring' : 'rendezvous'
const backends = new Random(Number(process.argv[3])).shuffled(MEMBERS)
const homes = homesDigest(poolOf(algorithm, backends), addressLines(Number(process.argv[4])))

const placement = nativePlacement({ algorithm, backends })
const orders = createHash('sha256')
for (let i = 0; i < 1000; i++) {
  orders.update(Array.from(placement.order(nthAddress(i)) ?? [], index => backends[index]?.name).join())
}
console.log(homes, orders.digest('hex'))
