// `node --import` this, or import it before a dynamic import: the TypeScript of this repository can be run from its sources.
import { register } from 'node:module'

process.setSourceMapsEnabled(true)
register('./loader.mjs', import.meta.url)
