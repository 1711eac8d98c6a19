// A strip of how a backend was in the last minutes: what the page has seen, and before that what the API knows.

import { svg } from './dom.js'
import { clock } from './figures.js'

const SPAN_MS = 600_000

export class History {
  root = svg('svg', { class: 'history', role: 'img' })
  #spans = []

  /**
   * @param text what it is, for people
   * @param tone good, warn or bad, as the badge's
   * @param sinceMs since when, as far as it is known
   */
  add(text, tone, sinceMs, nowMs) {
    if (this.#spans.at(-1)?.text !== text) {
      // Of what is new to an open page it is known when it was seen.
      const fromMs = this.#spans.length === 0 ? (sinceMs ?? nowMs) : nowMs
      this.#spans.push({ text, fromMs, bar: this.#bar(tone) })
    }
    while (this.#spans.length > 1 && this.#spans[1].fromMs <= nowMs - SPAN_MS) this.#spans.shift().bar.remove()
    this.#spans.forEach((span, at) => {
      const { fromMs, bar } = span
      const endMs = this.#spans[at + 1]?.fromMs ?? nowMs
      const startMs = Math.max(fromMs, nowMs - SPAN_MS)
      bar.setAttribute('x', `${100 - (100 * (nowMs - startMs)) / SPAN_MS}%`)
      // At least a hair, so that a short outage is seen.
      bar.setAttribute('width', `${Math.max(0.5, (100 * (endMs - startMs)) / SPAN_MS)}%`)
      const end = at === this.#spans.length - 1 ? 'now' : clock(endMs)
      bar.firstChild.textContent = `${span.text}, ${clock(fromMs)} to ${end}`
    })
    const told = this.#spans.map(span => span.text).join(', then ')
    this.root.setAttribute('aria-label', `Last ten minutes: ${told}`)
  }

  #bar(tone) {
    const bar = svg('rect', { class: tone, height: 8 }, svg('title'))
    this.root.append(bar)
    return bar
  }
}
