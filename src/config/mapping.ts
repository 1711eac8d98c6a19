/** Whether a value of a document is a mapping; neither a list nor nothing is one. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
