/** The oldest supported Node, as in package.json's `engines`. */
export const OLDEST_NODE = '20.19.0'

/**
 * One sentence if this version of Node is too old for Limpet, else undefined.
 *
 * @param {string} version as in `process.versions.node`
 * @returns {string | undefined}
 */
export function nodeProblem(version) {
  const given = version.split('.').map(Number)
  const oldest = OLDEST_NODE.split('.').map(Number)
  for (let i = 0; i < oldest.length; i++) {
    const difference = (given[i] || 0) - (oldest[i] || 0)
    if (difference > 0) return undefined
    if (difference < 0) return `limpet: this is Node ${version}, but Limpet needs Node ${OLDEST_NODE} or newer.`
  }
  return undefined
}
