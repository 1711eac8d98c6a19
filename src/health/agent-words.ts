/** What one answer of an agent says; what is absent is to stay as it is. */
export interface AgentWords {
  /** Per cent of the configured weight, 0 to 100. */
  weight?: number
  /** What the agent wants of its backend. */
  state?: 'ready' | 'drain' | 'maint'
  /** Whether the backend is well. */
  isUp?: boolean
  /** Why it is not. */
  reason?: string
  /** Most sessions; 0: the agent sets no limit. */
  maxSessions?: number
  /** Words that mean nothing here. */
  unknown: readonly string[]
}

const STATES = ['ready', 'drain', 'maint'] as const
const DOWN: ReadonlySet<string> = new Set(['down', 'fail', 'failed', 'stopped'])
/** As for `maxSessions` in the configuration. */
const MOST_SESSIONS = 10_000_000
const LONGEST_REASON = 200

/**
 * Reads a line of HAProxy's agent-check protocol (its configuration manual, section 5.2, `agent-check`): words in any case between
 * spaces, tabs or commas, and a description behind a `#`. Of two words about one thing the last one counts.
 */
export function readAgentLine(line: string): AgentWords {
  const hash = line.indexOf('#')
  const words = hash < 0 ? line : line.slice(0, hash)
  const description = hash < 0 ? '' : line.slice(hash + 1, hash + 1 + LONGEST_REASON).trim()
  const said: AgentWords & { unknown: string[] } = { unknown: [] }
  for (const word of words.split(/[ \t,]+/)) if (word !== '') takeWord(said, word.toLowerCase())
  if (said.isUp === false && description !== '') said.reason = description
  return said
}

function takeWord(said: AgentWords & { unknown: string[] }, word: string): void {
  const state = STATES.find(known => known === word)
  const weight = /^(\d{1,9})%$/.exec(word)?.[1]
  const limit = /^maxconn:(\d{1,9})$/.exec(word)?.[1]
  if (state !== undefined) said.state = state
  else if (word === 'up') said.isUp = true
  else if (DOWN.has(word)) said.isUp = false
  else if (weight !== undefined) said.weight = Math.min(100, Number(weight))
  else if (limit !== undefined) said.maxSessions = Math.min(MOST_SESSIONS, Number(limit))
  else said.unknown.push(word)
}
