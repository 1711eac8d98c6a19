import type { ResolvedCheckStep, ResolvedHealth } from '../../config/resolved.ts'
import type { Check } from '../check.ts'
import { Conversation } from './conversation.ts'

/** A check that sends and expects, one step after the other. */
export function expectCheck({ steps, tls, timeout }: Pick<ResolvedHealth, 'steps' | 'tls' | 'timeout'>): Check {
  const actions = steps.map(step => ({ act: actionOf(step), timeout: step.timeout ?? timeout }))
  return async (target, signal) => {
    using conversation = await Conversation.open(target, tls, AbortSignal.any([signal, AbortSignal.timeout(timeout)]))
    for (const { act, timeout } of actions) {
      await act(conversation, AbortSignal.any([signal, AbortSignal.timeout(timeout)]))
    }
  }
}

/** How long a check of these steps may take in all. */
export function longestOf({ steps, timeout }: Pick<ResolvedHealth, 'steps' | 'timeout'>): number {
  return steps.reduce((sum, step) => sum + (step.timeout ?? timeout), timeout)
}

type Action = (conversation: Conversation, signal: AbortSignal) => Promise<void>

function actionOf({ send, sendHex, expect, expectHex, expectRegex }: ResolvedCheckStep): Action {
  if (send !== undefined) return sender(Buffer.from(send))
  if (sendHex !== undefined) return sender(bytesOf(sendHex))
  if (expect !== undefined) return finder(Buffer.from(expect), JSON.stringify(expect))
  if (expectHex !== undefined) return finder(bytesOf(expectHex), `the bytes ${expectHex}`)
  return matcher(new RegExp(expectRegex ?? '', 's'))
}

function sender(bytes: Buffer): Action {
  return async conversation => conversation.send(bytes)
}

function finder(bytes: Buffer, what: string): Action {
  return async (conversation, signal) => {
    const read = (heard: Buffer): number | undefined => {
      const at = heard.indexOf(bytes)
      return at < 0 ? undefined : at + bytes.length
    }
    await conversation.hear(read, what, signal)
  }
}

function matcher(regex: RegExp): Action {
  return async (conversation, signal) => {
    const read = (heard: Buffer): number | undefined => {
      const match = regex.exec(heard.toString('latin1'))
      return match === null ? undefined : match.index + match[0].length
    }
    await conversation.hear(read, `a match of /${regex.source}/`, signal)
  }
}

function bytesOf(hex: string): Buffer {
  return Buffer.from(hex.replaceAll(' ', ''), 'hex')
}
