import { CliError } from './cli-error.ts'
import { explainOne, recordLine } from './explain-addresses.ts'
import type { Io } from './io.ts'
import { wholeLines } from './lines.ts'
import { MalformedLines } from './malformed-lines.ts'
import type { OfflinePool } from './offline-pool.ts'

/** What the native side writes in place of the home of a malformed address; no backend has this name. */
const NO_ADDRESS = ' !'

/** Explains the addresses of standard input, one a line; returns how many lines were malformed. */
export async function explainStream(pool: OfflinePool, json: boolean, io: Io): Promise<number> {
  const malformed = new MalformedLines()
  for await (const block of wholeLines(readable(io.stdin))) {
    const output = json ? records(pool, block, malformed) : homes(pool, block, malformed)
    await malformed.tell(io.stderr)
    if (output.length > 0) await io.stdout.write(output)
  }
  await malformed.conclude(io.stderr)
  return malformed.count
}

async function* readable(input: Io['stdin']): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of input) yield Buffer.from(chunk as Buffer)
  } catch (cause) {
    throw new CliError(`standard input cannot be read: ${(cause as Error).message}`, undefined, { cause })
  }
}

function homes(pool: OfflinePool, block: Buffer, lines: MalformedLines): Buffer | string {
  const { output, malformed } = pool.homes(block)
  if (malformed === 0) {
    lines.skip(block)
    return output
  }
  // Rare, so that it may be slow: the k-th line of the output is about the k-th line of the input that is not blank.
  const answers = output.toString().split('\n')
  let next = 0
  for (const line of linesOf(block)) {
    const isMalformed = line !== '' && answers[next++]?.endsWith(NO_ADDRESS) === true
    lines.take(isMalformed ? line : undefined)
  }
  return answers.filter(answer => !answer.endsWith(NO_ADDRESS)).join('\n')
}

function records(pool: OfflinePool, block: Buffer, lines: MalformedLines): string {
  let output = ''
  for (const line of linesOf(block)) {
    const found = line === '' ? undefined : explainOne(pool, line)
    if (found !== undefined) output += `${recordLine(pool, found)}\n`
    lines.take(found === undefined && line !== '' ? line : undefined)
  }
  return output
}

/** Without line ends and the blanks around, which are those that the native side does not count either. */
function linesOf(block: Buffer): string[] {
  const lines = block.toString().split('\n').slice(0, -1)
  return lines.map(line => line.replace(/^[ \t\r]+|[ \t\r]+$/g, ''))
}
