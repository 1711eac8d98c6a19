import type { Channel } from 'node:diagnostics_channel'

/**
 * Calls `changed` whenever somebody may have subscribed to the channel, or left it. Node tells nobody of that, and threads
 * that ask for every session cannot ask JavaScript. The channel's own methods are wrapped, on this one object; both ways
 * to subscribe, `channel.subscribe()` and `diagnostics_channel.subscribe()`, end there.
 */
export function watchSubscribers(channel: Channel, changed: () => void): void {
  for (const name of ['subscribe', 'unsubscribe'] as const) {
    const earlier = Object.getOwnPropertyDescriptor(channel, name)?.value as Channel[typeof name] | undefined
    const wrapped = (subscriber: Parameters<Channel['subscribe']>[0]): unknown => {
      // Looked up at the time of the call: a channel changes its class with the first subscriber and the last.
      const method = earlier ?? (Object.getPrototypeOf(channel) as Channel)[name]
      try {
        return method.call(channel, subscriber)
      } finally {
        changed()
      }
    }
    Object.defineProperty(channel, name, { value: wrapped, configurable: true, writable: true })
  }
}
