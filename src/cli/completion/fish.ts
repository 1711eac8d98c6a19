import type { OptionWords, Place, Word } from './words.ts'

export function fishCompletion(places: readonly Place[]): string {
  const below = places.filter(({ at }) => at.includes(' ')).map(({ at }) => `'${at}'`)
  return `# fish completion of limpet, made by: limpet completion fish
function __limpet_at
  set -l at limpet
  for word in (commandline -opc)[2..-1]
    switch "$at $word"
      case ${below.join(' ')}
        set at "$at $word"
    end
  end
  test "$at" = "$argv"
end
complete -c limpet -f
${places.flatMap(placeLines).join('\n')}
`
}

function placeLines({ at, commands, values, options }: Place): string[] {
  const here = `complete -c limpet -n '__limpet_at ${at}'`
  return [
    ...[...commands, ...values].map(({ text, about }: Word) => `${here} -a ${text} -d ${quoted(about)}`),
    ...options.map(option => `${here}${flagsOf(option)} -d ${quoted(option.about)}`),
  ]
}

function flagsOf({ short, long, value }: OptionWords): string {
  const flags = `${short === undefined ? '' : ` -s ${short.slice(1)}`} -l ${long.replace(/^-+/, '')}`
  return flags + { none: '', file: ' -r -F', other: ' -x' }[value]
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
