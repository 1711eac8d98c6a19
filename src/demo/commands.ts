import type { Pool } from '../index.ts'
import type { DemoBackend } from './backend.ts'
import type { Narrator } from './narrator.ts'

/** What the lines that are typed act on. */
export interface Stage {
  narrator: Narrator
  pool: Pool
  backends: readonly DemoBackend[]
  /** Ends the demo. */
  quit: () => void
}

/** Does what a typed line says. */
export async function obey(stage: Stage, line: string): Promise<void> {
  const { narrator } = stage
  const [word = '', name = ''] = line.trim().toLowerCase().split(/\s+/)
  switch (word) {
    case '':
      return
    case 'q':
    case 'quit':
    case 'exit':
      return stage.quit()
    case 'status':
      return status(stage)
    case 'stop':
    case 'start':
      return await turn(stage, word, name)
    default:
      narrator.say(`There is no command ${JSON.stringify(word)}: stop NAME, start NAME, status, quit.`)
  }
}

async function turn({ narrator, backends }: Stage, word: 'stop' | 'start', name: string): Promise<void> {
  const backend = backends.find(known => known.name === name)
  if (backend === undefined) {
    narrator.say(`Which one? ${backends.map(known => `${word} ${known.name}`).join(', ')}`)
  } else if (backend.isRunning === (word === 'start')) {
    narrator.say(`Backend ${narrator.backend(name)} is ${backend.isRunning ? 'running' : 'down'} already.`)
  } else if (word === 'stop') {
    backend.stop()
    narrator.say(`Backend ${narrator.backend(name)} is down.`)
  } else {
    await start(narrator, backend)
  }
}

async function start(narrator: Narrator, backend: DemoBackend): Promise<void> {
  try {
    await backend.start()
    narrator.say(`Backend ${narrator.backend(backend.name)} is back.`)
  } catch (error) {
    narrator.say(`Backend ${narrator.backend(backend.name)} cannot start: ${(error as Error).message}`)
  }
}

function status({ narrator, pool, backends }: Stage): void {
  const dim = (text: string): string => narrator.style('dim', text)
  narrator.say(dim('backend  state    sessions  total  failed connects'))
  for (const { name, sessions, total, connectFailures } of pool.backends()) {
    const isRunning = backends.find(known => known.name === name)?.isRunning === true
    const state = narrator.style(isRunning ? 'green' : 'red', (isRunning ? 'up' : 'down').padEnd(7))
    const figures = [
      String(sessions).padStart(8),
      String(total).padStart(6),
      String(connectFailures).padStart(17),
    ].join(' ')
    narrator.say(`${narrator.backend(name)}        ${state} ${figures}`)
  }
}
