const SPACE = 0x20
const TAB = 0x09

/**
 * A text without the spaces and tabs around it (OWS of RFC 9110, 5.6.3). `trim()` takes more, also bytes of a value that
 * belong to a letter of UTF-8; a pattern would go back and forth over long runs of them.
 */
export function withoutSpace(text: string): string {
  let from = 0
  let to = text.length
  while (from < to && isSpace(text.charCodeAt(from))) from++
  while (to > from && isSpace(text.charCodeAt(to - 1))) to--
  return text.slice(from, to)
}

/** Of a letter, by its code. */
export function isSpace(code: number): boolean {
  return code === SPACE || code === TAB
}
