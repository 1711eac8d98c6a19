/** A JSON line of the log as a line for people: time, level where it matters, message, and the facts as `name=value`. */
export function humanLine(line: string): string {
  const { time, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>
  const clock = typeof time === 'string' ? time.slice(11, 23) : ''
  const shownLevel = level === 'info' ? '' : ` ${String(level)}:`
  const pairs = Object.entries(facts).map(([name, value]) => `${name}=${text(value)}`)
  return `${[`${clock}${shownLevel}`, text(msg), ...pairs].join(' ')}\n`
}

/** What clients and names can choose must not reach a terminal as a control sequence: JSON escapes it. */
function text(value: unknown): string {
  const plain = typeof value === 'string' ? value : JSON.stringify(value)
  return /^[\p{L}\p{N}\p{P}\p{S} ]*$/u.test(plain)
    ? plain
    : JSON.stringify(plain).replace(/[^\p{L}\p{N}\p{P}\p{S} ]/gu, '?')
}
