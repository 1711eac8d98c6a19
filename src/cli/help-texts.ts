export const EXIT_CODES = {
  ok: '0   done',
  usage: '64  the command line was not understood',
  unavailable: '69  no running process could be asked',
  internal: '70  a fault of Limpet: please report it, with what LIMPET_DEBUG=1 adds',
  noPermission: '77  this user, or this token, may not ask the running process',
  config: '78  the configuration is not valid, or cannot be read',
} as const

export function section(title: string, ...lines: string[]): string {
  return [`\n${title}:`, ...lines.map(line => `  ${line}`)].join('\n')
}

export const MAIN_HELP = [
  section(
    'Examples',
    'limpet check -c limpet.yaml               validate, and see every setting',
    'limpet explain -c limpet.yaml 192.0.2.7   where does this client belong?',
    'limpet run -c limpet.yaml                 balance',
    'limpet status                             what does it do now?',
    'limpet backends drain b2                  no new clients for b2',
    'limpet plan --remove b2                   who would move?',
    'limpet bench pick --quick                 measure',
  ),
  section(
    'Exit status',
    EXIT_CODES.ok,
    '1   it could not be done: an address in use, sessions cut, no native addon,\n      a benchmark that could not measure everything',
    '2   reload: the change needs a restart; nothing was changed',
    EXIT_CODES.usage,
    '65  explain: some addresses are malformed; the others were answered',
    EXIT_CODES.unavailable,
    EXIT_CODES.internal,
    EXIT_CODES.noPermission,
    EXIT_CODES.config,
  ),
  section(
    'Environment',
    'LIMPET_ADMIN          where the running process is asked, as --admin',
    'LIMPET_ADMIN_TOKEN    the token that it wants, if it listens on TCP',
    'LIMPET_DEBUG=1        print a stack trace with internal errors',
    'LIMPET_LOG_FORMAT     json: the log has JSON lines, also on a terminal',
    'LIMPET_ADDON          file of the native addon to load, and no other',
    'LIMPET_DEBUG_ADDON=1  load the debug build of the addon, if there is one',
    'NO_COLOR              no colours; there are none without a terminal, anyway',
    'and the variables that secrets in the configuration name',
  ),
].join('\n')

export const RUN_HELP = [
  '\nThe log goes to standard output: JSON lines, or lines for people on a terminal.\nIts level, and a line for every session, are settings of the configuration.',
  section(
    'Signals',
    'SIGTERM, SIGINT  accept no more; sessions finish until shutdownTimeout (30s),',
    '                 then they are cut',
    'a second one     cut them at once',
    'SIGHUP           read the configuration again, and change the backends;',
    '                 if it is not valid, nothing is changed',
  ),
  section(
    'Examples',
    'limpet run -c limpet.yaml',
    'LIMPET_SECRET=$(cat secret) limpet run -c limpet.yaml',
    'generate-config | limpet run -c -',
    'limpet run -c limpet.yaml --takeover   upgrade: nobody is refused',
  ),
  section(
    'Exit status',
    '0   stopped, every session had finished',
    '1   an address could not be bound, nobody could be taken over from, or\n      sessions were cut',
    EXIT_CODES.usage,
    EXIT_CODES.internal,
    EXIT_CODES.config,
  ),
].join('\n')

export const CHECK_HELP = [
  '\nWarnings go to standard error. Secrets are never printed, only where they are\nfrom.',
  section(
    'Examples',
    'limpet check -c limpet.yaml',
    'limpet check -c limpet.yaml --json | jq .digests',
    'limpet check -c - < limpet.yaml',
  ),
  section('Exit status', '0   valid', EXIT_CODES.usage, EXIT_CODES.internal, EXIT_CODES.config),
].join('\n')

export const EXPLAIN_HELP = [
  '\nWithout -c the running process is asked. It tells the pin of the client, too,\nwhere its next connection would go and why, and sessions and bound of backends.\nIt is asked at --admin, else LIMPET_ADMIN, else unix:/run/limpet/admin.sock.\n',
  '\nWith the address "-" a line "address home" is printed for each; a home of "-"\nmeans that no backend has a weight. Malformed lines are told on standard error,\nwith their number, and left out.',
  section(
    'Examples',
    'limpet explain 192.0.2.7                   ask the running process',
    'limpet explain -c limpet.yaml 192.0.2.7 2001:db8::7',
    'limpet explain -c limpet.yaml --json 192.0.2.7 | jq -r .home',
    "awk '{print $1}' access.log | limpet explain -c limpet.yaml - > homes.txt",
  ),
  section(
    'Exit status',
    EXIT_CODES.ok,
    '1   the native addon cannot be loaded, or the output cannot be written',
    EXIT_CODES.usage,
    '65  some addresses are malformed; the others were answered',
    EXIT_CODES.unavailable,
    EXIT_CODES.internal,
    EXIT_CODES.noPermission,
    EXIT_CODES.config,
  ),
].join('\n')

export const SCHEMA_HELP = [
  section(
    'Examples',
    'limpet schema > limpet.schema.json',
    'and for editors with a YAML language server, as the first line of limpet.yaml:',
    '# yaml-language-server: $schema=limpet.schema.json',
  ),
  section('Exit status', EXIT_CODES.ok, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const BUILD_NATIVE_HELP = [
  '\nNeeds a C++20 compiler, make, Python 3 and node-gyp, which npm brings.\nThe package has a built addon for its platform; this is for other ones.',
  section('Examples', 'npx limpet build-native', "CXX='ccache clang++' npx limpet build-native --force"),
  section(
    'Environment',
    'CXX                   the compiler',
    'npm_config_nodedir    where include/node of this Node is',
  ),
  section('Exit status', EXIT_CODES.ok, '1   it cannot be built', EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const COMPLETION_HELP = [
  section(
    'Examples',
    'source <(limpet completion bash)     in ~/.bashrc',
    'source <(limpet completion zsh)      in ~/.zshrc, after compinit',
    'limpet completion fish > ~/.config/fish/completions/limpet.fish',
  ),
  section('Exit status', EXIT_CODES.ok, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')
