import type { ResolvedRouteCookie } from '../config/cookie.ts'

/** The longest name that a backend can have: `LONGEST_NAME` of src/config/scalars.ts. */
const LONGEST_NAME = 128

/**
 * The backend whose name an application's cookie has before (`prefix`) or behind (`suffix`) the separator. Names may have the
 * separator in them: the longest one that is a backend's counts.
 *
 * @param isBackend - whether there is a backend of a name
 */
export function routeIn(
  { position, separator }: Pick<ResolvedRouteCookie, 'position' | 'separator'>,
  value: string,
  isBackend: (name: string) => boolean,
): string | undefined {
  return namesIn(value, position, separator).find(isBackend)
}

/** The longest first. */
function namesIn(value: string, position: 'prefix' | 'suffix', separator: string): string[] {
  const most = LONGEST_NAME + separator.length
  if (position === 'suffix') {
    const text = value.slice(-most)
    return placesOf(separator, text).map(at => text.slice(at + separator.length))
  }
  const text = value.slice(0, most)
  return placesOf(separator, text)
    .map(at => text.slice(0, at))
    .reverse()
}

function placesOf(separator: string, text: string): number[] {
  const places: number[] = []
  for (let at = text.indexOf(separator); at >= 0; at = text.indexOf(separator, at + 1)) places.push(at)
  return places
}
