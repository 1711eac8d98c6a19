import { optionsWith, type Place } from './words.ts'

/** Needs nothing but bash, of any version in use: the package bash-completion may be missing, and macOS has bash 3.2. */
export function bashCompletion(places: readonly Place[]): string {
  const below = places.filter(({ at }) => at.includes(' ')).map(({ at }) => `"${at}"`)
  return `# bash completion of limpet, made by: limpet completion bash
_limpet() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} at=limpet words= i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
      ${below.join(' | ')})
        at="$at \${COMP_WORDS[i]}" ;;
    esac
  done
  COMPREPLY=()
  case "$previous" in
    ${optionsWith(places, 'file').join(' | ')})
      compopt -o filenames 2>/dev/null
      while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -f -- "$current")
      return ;;
    ${optionsWith(places, 'other').join(' | ')})
      return ;;
  esac
  case "$at" in
${places.map(placeCase).join('\n')}
  esac
  while IFS= read -r i; do COMPREPLY+=("$i"); done < <(compgen -W "$words" -- "$current")
}
complete -F _limpet limpet
`
}

function placeCase({ at, commands, values, options }: Place): string {
  const words = [
    ...[...commands, ...values].map(({ text }) => text),
    ...options.flatMap(({ short, long }) => (short === undefined ? [long] : [long, short])),
  ]
  return `    "${at}") words="${words.join(' ')}" ;;`
}
