import { VERSION } from '../../../package-info.ts'
import { nativeProgram } from '../../programs.ts'
import { Child, jsonWith } from '../child.ts'
import { targetsOf } from '../load.ts'
import type { Rig, Running, Subject } from '../subject.ts'

/** The least that a balancer in user space must do (bench/floor). */
export const floor: Subject = {
  id: 'floor',
  name: 'floor',
  hasProcess: true,
  probe: async () => ({ version: VERSION }),
  start,
}

async function start({ backends, threads, signal }: Rig): Promise<Running> {
  const args = ['--listen', '127.0.0.1:0', '--backends', targetsOf(backends), '--threads', String(threads)]
  const child = new Child(nativeProgram('floor'), args, 'end of input')
  try {
    const { port } = await child.line(jsonWith<{ port: number }>('port'), signal)
    return { ports: [port], pids: [child.pid], [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() }
  } catch (error) {
    await child[Symbol.asyncDispose]()
    throw error
  }
}
