import type { ClosingInfo } from '../../index.ts'
import { visible } from '../../visible.ts'
import { counted, countText, timeText } from './figures.ts'

/** `closing 3: 120 of 400 sessions of backend b2, 6s left` */
export function closingText(closing: ClosingInfo): string {
  const { id, cause, state, total, closed, remainingMs } = closing
  const why = cause === 'down' ? ', which is down' : ''
  const end = state === 'running' ? `, ${timeText(remainingMs)} left` : state === 'stopped' ? ', stopped' : ''
  return `closing ${visible(id)}: ${countText(closed)} of ${counted(total, 'session')} of ${whoseText(closing)}${why}${end}`
}

/** `backend b2, pool redis` */
export function whoseText({ pool, backend, listener }: ClosingInfo): string {
  const named = Object.entries({ backend, pool, listener }).filter(([, name]) => name !== undefined)
  return named.length === 0 ? 'all' : named.map(([kind, name]) => `${kind} ${visible(name ?? '')}`).join(', ')
}
