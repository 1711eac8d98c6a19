// Writes limpet.schema.json, the JSON Schema of configuration files for editors, from the schema in src/config.
// `--check` writes nothing and fails if the file is out of step.
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { register } from 'tsx/esm/api'

const file = fileURLToPath(new URL('../limpet.schema.json', import.meta.url))

const unregister = register()
const { configJsonSchema } = await import('../src/config/json-schema.ts')
await unregister()

const text = `${oneLineLists(JSON.stringify(configJsonSchema(), null, 2))}\n`

if (!process.argv.includes('--check')) {
  writeFileSync(file, text)
} else if (current() !== text) {
  console.error('limpet.schema.json is out of step with src/config/schema.ts: run node scripts/schema.mjs')
  process.exitCode = 1
}

/** Lists of plain values on one line, as the formatter has them. */
function oneLineLists(/** @type {string} */ json) {
  return json.replace(
    /\[\n\s+([^[\]{}]+?)\n\s+\]/g,
    (_, /** @type {string} */ items) => `[${items.replace(/\n\s+/g, ' ')}]`,
  )
}

function current() {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return ''
    throw error
  }
}
