// Compiles the modules that tests start as processes and threads of their own: `node compile.mjs FOLDER ENTRY…`. A process for
// itself, because esbuild's service would be a child and descriptors of a test.
import { readFileSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const [folder = '', ...entryPoints] = process.argv.slice(2)

/**
 * Every module goes on to believe that it is where it was: it finds the addon, and files beside it, from there.
 *
 * @type {import('esbuild').Plugin}
 */
const whereTheyWere = {
  name: 'where they were',
  setup: ({ onLoad }) =>
    onLoad({ filter: /\/(src|test)\/.*\.(ts|mjs)$/ }, ({ path }) => {
      const contents = readFileSync(path, 'utf8')
      const url = JSON.stringify(pathToFileURL(path).href)
      return { contents: contents.replaceAll('import.meta.url', url), loader: path.endsWith('.ts') ? 'ts' : 'js' }
    }),
}

await build({
  absWorkingDir: ROOT,
  entryPoints,
  outdir: folder,
  outbase: ROOT,
  outExtension: { '.js': '.mjs' },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Packages in CommonJS ask for modules of Node.
  banner: {
    js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
  },
  plugins: [whereTheyWere],
  logLevel: 'error',
})
