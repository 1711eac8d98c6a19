import type { DemoBackend } from './backend.ts'
import type { Narrator } from './narrator.ts'

/** What there is, and what to try. */
export function introduce(narrator: Narrator, port: number, backends: readonly DemoBackend[]): void {
  const bold = (text: string): string => narrator.style('bold', text)
  const dim = (text: string): string => narrator.style('dim', text)
  const servers = backends.map(({ name, address }) => `${narrator.backend(name)} ${dim(address)}`).join('   ')
  const lines = [
    '',
    `${bold('Limpet')}: every client comes back to its home backend.`,
    '',
    `  listener   127.0.0.1:${port}`,
    `  backends   ${servers}`,
    '',
    `Try, in another terminal:`,
    ...table(dim, [
      [`nc 127.0.0.1 ${port}`, 'meet your home; leave, and come back to it'],
      [`nc -s 127.0.0.2 127.0.0.1 ${port}`, 'be another client: 127.0.0.3, 127.0.0.4 …'],
    ]),
    `And here:`,
    ...table(dim, [
      ['stop b', 'let backend b die: its clients go elsewhere, all others stay'],
      ['start b', 'bring it back; who has been away for 20 s comes home'],
      ['status, quit', 'who has how many; end (Ctrl-C does it, too)'],
    ]),
    '',
  ]
  for (const line of lines) narrator.say(line)
}

function table(dim: (text: string) => string, rows: readonly (readonly [string, string])[]): string[] {
  return rows.map(([left, right]) => `  ${left.padEnd(32)} ${dim(right)}`)
}
