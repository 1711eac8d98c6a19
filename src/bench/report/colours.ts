/** Of subjects: told apart on white and on near-black, by colour-blind eyes, too. */
export const PALETTE = ['#1f77d0', '#e07b00', '#2a9d57', '#c8408c', '#8a63d2', '#b59200', '#d1453b', '#5f7f95'] as const

/** Of everything else, each with what takes its place where the reader's system is dark. */
export const INK = {
  background: '#ffffff',
  text: '#1f2328',
  faint: '#59636e',
  grid: '#d8dee4',
} as const

const DARK: Readonly<Record<keyof typeof INK, string>> = {
  background: '#0d1117',
  text: '#e6edf3',
  faint: '#9198a1',
  grid: '#30363d',
}

/** Rules that win over the attributes of an SVG document, whose colours are exactly those above. */
export function darkStyle(): string {
  const rules = Object.entries(INK).map(([name, light]) => {
    const dark = DARK[name as keyof typeof INK]
    return `[fill="${light}"]{fill:${dark}}[stroke="${light}"]{stroke:${dark}}`
  })
  return `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`
}
