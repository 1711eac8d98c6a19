import { Conn, freePort } from './net.ts'
import type { Program } from './programs.ts'

const TRIES = 5

/** A program, and the port on which it listens. */
export interface OnPort {
  readonly program: Program
  readonly port: number
}

/**
 * Starts a program that must be told its port: on a free one, and again on another, should somebody take that meanwhile.
 *
 * @param start - called with the port
 * @param ready - resolves when it serves there; rejects when it will not
 */
export async function startOnFreePort(
  start: (port: number) => Program | Promise<Program>,
  ready: (program: Program, port: number) => Promise<void> = takesConnections,
): Promise<OnPort> {
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    const program = await start(port)
    try {
      await ready(program, port)
      return { program, port }
    } catch (error) {
      // Somebody else took the port meanwhile.
      await program[Symbol.asyncDispose]()
      if (tries === TRIES) throw error
    }
  }
}

/** Waits until it takes connections; rejects when it ends before. */
export async function takesConnections(program: Program, port: number): Promise<void> {
  // Whoever took its port listens, too: it ends then.
  await program.does('to listen', async () => (await isListening(port)) && program.isRunning)
}

async function isListening(port: number): Promise<boolean> {
  try {
    const conn = await Conn.open({ host: '127.0.0.1', port })
    conn.destroy()
    return true
  } catch {
    // Not yet.
    return false
  }
}
