import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

/** A file of the dashboard, ready to be answered with. */
export interface DashboardFile {
  content: Buffer
  /** `Content-Type`, `Content-Security-Policy`, `ETag` and the other headers, in lower case. */
  headers: Readonly<Record<string, string>>
}

const TYPES = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
} as const

/** By the path under which the admin listener serves it. */
const FILES = [
  ['/', 'index', 'html'],
  ['/style.css', 'style', 'css'],
  ['/icon.svg', 'icon', 'svg'],
  ['/main.js', 'main', 'js'],
  ['/api.js', 'api', 'js'],
  ['/change.js', 'change', 'js'],
  ['/dom.js', 'dom', 'js'],
  ['/figures.js', 'figures', 'js'],
  ['/history.js', 'history', 'js'],
  ['/pools.js', 'pools', 'js'],
  ['/chart.js', 'chart', 'js'],
  ['/cluster.js', 'cluster', 'js'],
  ['/details.js', 'details', 'js'],
  ['/homes.js', 'homes', 'js'],
] as const satisfies readonly (readonly [string, string, keyof typeof TYPES])[]

/** The library of the charts, as its package has it. */
const LIBRARY = [
  ['/uplot.js', 'uplot/dist/uPlot.iife.min.js', 'js'],
  ['/uplot.css', 'uplot/dist/uPlot.min.css', 'css'],
] as const satisfies readonly (readonly [string, string, keyof typeof TYPES])[]

/** Nothing but what this origin serves, nothing inline, in nobody's frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** Paths of the dashboard. They need no token: the page has no secret, and asks for the token itself. */
export const DASHBOARD_PATHS: readonly string[] = [...FILES, ...LIBRARY].map(([path]) => path)

/** Reads every file of the dashboard once; by path. */
export function readDashboard(): ReadonlyMap<string, DashboardFile> {
  const { resolve } = createRequire(import.meta.url)
  return new Map([
    ...FILES.map(([path, name, type]): [string, DashboardFile] => {
      return [path, readOne(new URL(`../dashboard/${name}.${type}`, import.meta.url), TYPES[type])]
    }),
    ...LIBRARY.map(([path, file, type]): [string, DashboardFile] => [path, readOne(resolve(file), TYPES[type])]),
  ])
}

function readOne(file: URL | string, type: string): DashboardFile {
  const content = readFileSync(file)
  const headers = {
    'content-type': type,
    'content-security-policy': POLICY,
    etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`,
    // Asked about each time, so that a new version is seen at once; the answer is mostly 304.
    'cache-control': 'no-cache',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }
  return { content, headers }
}
