// A strip of how a backend was in the last minutes, collected while the page is open.

import { svg } from './dom.js'

const SPAN_MS = 180_000

export class History {
  root = svg('svg', { class: 'history', role: 'img' })
  #spans = []

  /** @param tone good, warn or bad, as the badge's */
  add(tone, nowMs) {
    if (this.#spans.at(-1)?.tone !== tone) this.#spans.push({ tone, fromMs: nowMs, bar: this.#bar(tone) })
    while (this.#spans.length > 1 && this.#spans[1].fromMs <= nowMs - SPAN_MS) this.#spans.shift().bar.remove()
    this.#spans.forEach(({ fromMs, bar }, at) => {
      const endMs = this.#spans[at + 1]?.fromMs ?? nowMs
      const startMs = Math.max(fromMs, nowMs - SPAN_MS)
      bar.setAttribute('x', `${100 - (100 * (nowMs - startMs)) / SPAN_MS}%`)
      // At least a hair, so that a short outage is seen.
      bar.setAttribute('width', `${Math.max(0.5, (100 * (endMs - startMs)) / SPAN_MS)}%`)
    })
    this.root.setAttribute('aria-label', `Last three minutes: ${this.#spans.length - 1} changes of health or state`)
  }

  #bar(tone) {
    const bar = svg('rect', { class: tone, height: 5 })
    this.root.append(bar)
    return bar
  }
}
