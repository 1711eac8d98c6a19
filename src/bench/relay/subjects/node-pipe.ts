import { join } from 'node:path'
import { ROOT } from '../../programs.ts'
import { Child, jsonWith } from '../child.ts'
import type { Rig, Running, Subject } from '../subject.ts'

const PROGRAM = join(ROOT, 'dist', 'bench', 'relay', 'subjects', 'node-pipe-program.js')

/** What one writes in a minute: two sockets of Node, piped into each other. */
export const nodePipe: Subject = {
  id: 'node-pipe',
  name: 'Node pipe',
  hasProcess: true,
  probe: async () => ({ version: process.version }),
  start,
}

async function start({ backends, signal }: Rig): Promise<Running> {
  const child = new Child(process.execPath, [PROGRAM, ...backends.map(String)], 'end of input')
  try {
    const { port } = await child.line(jsonWith<{ port: number }>('port'), signal)
    return { ports: [port], pids: [child.pid], [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
  } catch (error) {
    await child[Symbol.asyncDispose]()
    throw error
  }
}
