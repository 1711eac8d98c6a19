import type { ThreadPrivileges } from '../../os/thread-privileges.ts'
import { visible } from '../../visible.ts'
import type { Terminal } from '../terminal.ts'
import { counted } from './figures.ts'

/** What the threads of the process may do, for people: a line for each kind of them, which is one where all is well. */
export function privilegeLines(threads: readonly ThreadPrivileges[], terminal: Terminal): string[] {
  const kinds = new Map<string, ThreadPrivileges[]>()
  for (const thread of threads) {
    const kind = privilegesText(thread)
    kinds.set(kind, [...(kinds.get(kind) ?? []), thread])
  }
  return [...kinds].map(([kind, alike]) => {
    const who = kinds.size === 1 ? counted(alike.length, 'thread') : alike.map(({ name }) => visible(name)).join(', ')
    return terminal.style('dim', terminal.cut(`${kind}  (${who})`))
  })
}

function privilegesText({ uid, gid, capabilities, noNewPrivileges }: ThreadPrivileges): string {
  const bits = visible(capabilities).replace(/^0+/, '')
  const may = bits === '' ? 'no capabilities' : `capabilities ${bits}`
  return [`user ${uid}`, `group ${gid}`, may, noNewPrivileges ? 'no new privileges' : 'new privileges possible'].join(
    '  ',
  )
}
