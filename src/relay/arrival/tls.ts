import type { ArrivalStep } from './arrival.ts'

/** TLS that ends at the listener. */
export const shakeHands: ArrivalStep = (arrival, next) => {
  const { client, target, events } = arrival
  if (target.tls === undefined) {
    next()
    return
  }
  arrival.waiting = target.tls.accept(client, end => {
    if (end === 'gone') events.refused('endClientGone')
    else if ('failed' in end) events.refused('refusedTls')
    else {
      arrival.waiting = undefined
      arrival.secured = end
      arrival.client = end.socket
      events.secured(end.socket)
      next()
    }
  })
}
