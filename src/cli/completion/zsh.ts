import { optionsWith, type Place } from './words.ts'

/** Works as a file `_limpet` in `fpath`, and with `source <(limpet completion zsh)`. */
export function zshCompletion(places: readonly Place[]): string {
  const below = places.filter(({ at }) => at.includes(' ')).map(({ at }) => `"${at}"`)
  return `#compdef limpet
# zsh completion of limpet, made by: limpet completion zsh
_limpet() {
  local at=limpet previous=\${words[CURRENT-1]} i
  local -a found
  for ((i = 2; i < CURRENT; i++)); do
    case "$at \${words[i]}" in
      (${below.join('|')}) at="$at \${words[i]}" ;;
    esac
  done
  case "$previous" in
    (${optionsWith(places, 'file').join('|')}) _files; return ;;
    (${optionsWith(places, 'other').join('|')}) return ;;
  esac
  case "$at" in
${places.map(placeCase).join('\n')}
  esac
  _describe -o limpet found
}
if [[ "\${funcstack[1]}" == _limpet ]]; then
  _limpet "$@"
else
  compdef _limpet limpet
fi
`
}

function placeCase({ at, commands, values, options }: Place): string {
  const words = [
    ...[...commands, ...values].map(({ text, about }) => described(text, about)),
    ...options.flatMap(({ short, long, about }) =>
      (short === undefined ? [long] : [long, short]).map(text => described(text, about)),
    ),
  ]
  return `    ("${at}") found=(${words.join(' ')}) ;;`
}

function described(text: string, about: string): string {
  return `'${text.replaceAll(':', '\\:')}:${about.replaceAll("'", "'\\''")}'`
}
