import { EXIT_CODES, section } from '../help-texts.ts'

export const WHERE = [
  '\nThe running process is asked at --admin, else where admin.listen of the file of',
  '-c says, else at LIMPET_ADMIN, else at unix:/run/limpet/admin.sock. A token is',
  'that of the file, or LIMPET_ADMIN_TOKEN.',
].join('\n')

export const NEEDS_ADMIN = [
  EXIT_CODES.usage,
  EXIT_CODES.unavailable,
  EXIT_CODES.internal,
  EXIT_CODES.noPermission,
  '78  the file of -c cannot be read, or has no admin',
]

export function help(examples: readonly string[], failed: string, more: readonly string[] = []): string {
  return [
    WHERE,
    ...more,
    section('Examples', ...examples),
    section('Exit status', EXIT_CODES.ok, `1   ${failed}`, ...NEEDS_ADMIN),
  ].join('\n')
}

export const STATUS_HELP = help(
  [
    'limpet status',
    'limpet status -c /etc/limpet/limpet.yaml --pool redis',
    'limpet status --json | jq .stats.sessions',
    'LIMPET_ADMIN_TOKEN=$(cat token) limpet status --admin http://10.0.0.5:7300',
  ],
  'the answer was not understood',
  ['\nBOUND is what the bound of the pool lets each backend hold with the next client.'],
)

export const TOP_HELP = help(
  ['limpet top', 'limpet top --pool redis', 'limpet top --json --count 60 > minute.jsonl'],
  'the answer was not understood',
  ['\nThe first figures are the average since the process was started.'],
)

export const BACKENDS_HELP = [
  section(
    'Examples',
    'limpet backends list',
    'limpet backends add b4 --address 10.0.0.4:6379 --weight 2',
    'limpet backends drain b2          no new clients; wait until SESSIONS is 0,',
    'limpet backends maint b2          take it out, work on it,',
    'limpet backends ready b2          and have its clients back',
    'limpet plan --remove b2           before: limpet backends remove b2',
  ),
  section('Exit status', ...['64  the command line was not understood', 'and those of each command']),
].join('\n')

const REFUSED = 'the change was refused: no such backend, an address that cannot be used'

export const BACKEND_LIST_HELP = help(
  ['limpet backends list', "limpet backends list --json | jq -r '.[].name'"],
  'the answer was not understood',
)
export const BACKEND_ADD_HELP = help(
  [
    'limpet plan --add b4=10.0.0.4:6379          what will move?',
    'limpet backends add b4 --address 10.0.0.4:6379',
    'limpet backends add b5 --address unix:/run/b5.sock --max-sessions 500',
  ],
  'the change was refused: the name is taken, the address cannot be used',
)
export const BACKEND_REMOVE_HELP = help(
  ['limpet plan --remove b2                     what will move?', 'limpet backends remove b2'],
  REFUSED,
)
export const BACKEND_SET_HELP = help(
  [
    'limpet plan --weight b1=2                   what will move?',
    'limpet backends set b1 --weight 2',
    'limpet backends set b1 --address 10.0.0.9:6379 --max-sessions 0',
  ],
  REFUSED,
)
export const BACKEND_DRAIN_HELP = help(
  ['limpet backends drain b2', 'limpet backends drain b2 --hard', 'limpet backends ready b2          as before'],
  REFUSED,
)
export const BACKEND_READY_HELP = help(['limpet backends ready b2'], REFUSED)
export const BACKEND_MAINT_HELP = help(
  ['limpet backends maint b2', 'limpet backends ready b2          when the work is done'],
  REFUSED,
)

const SHARED = ['\nBackends are shared where cluster.membership is cluster.']
export const BACKEND_FORGET_HELP = help(
  ['limpet backends forget', 'limpet backends forget --if-version 7'],
  'backends are not shared, or they have another version',
  SHARED,
)
export const BACKEND_CHANGES_HELP = help(
  ['limpet backends changes', 'limpet backends changes --limit 1000 --json'],
  'backends are not shared',
  SHARED,
)

export const PLAN_HELP = [
  '\nShares are of the key space, and so of the clients. Where the pool is large, a\nsample of it is looked at; its size is told. A running process also knows pins\nand sessions: it is asked at --admin, else LIMPET_ADMIN, else\nunix:/run/limpet/admin.sock.',
  section(
    'Examples',
    'limpet plan --remove b3',
    'limpet plan --weight b1=2 --weight b2=2',
    'limpet plan --remove b3 --add b4=10.0.0.4:6379 --add b5=10.0.0.5:6379@2',
    'limpet plan -c limpet.yaml --remove b3 --json | jq .homesMoved',
  ),
  section(
    'Exit status',
    EXIT_CODES.ok,
    '1   the change would be refused: no such backend, a name that is taken',
    EXIT_CODES.usage,
    EXIT_CODES.unavailable,
    EXIT_CODES.internal,
    EXIT_CODES.noPermission,
    EXIT_CODES.config,
  ),
].join('\n')

export const RELOAD_HELP = [
  WHERE,
  section(
    'Examples',
    'limpet check -c limpet.yaml && limpet reload -c limpet.yaml',
    'limpet reload || [ $? != 2 ] || systemctl restart limpet',
    "limpet reload --json | jq -r '.added[].name'",
  ),
  section(
    'Exit status',
    '0   reloaded; also if nothing differs',
    '1   it could not be done, e.g. a host name was not found',
    '2   the change needs a restart; nothing was changed',
    EXIT_CODES.usage,
    EXIT_CODES.unavailable,
    EXIT_CODES.internal,
    EXIT_CODES.noPermission,
    '78  the configuration is not valid; nothing was changed',
  ),
].join('\n')

export const EVENTS_HELP = help(
  ['limpet events', 'limpet events --json | jq -c \'select(.event == "backendDown")\''],
  'the answer was not understood',
  [
    '\nA stream that breaks is taken up again after the last event. It ends with 69\nwhen the process is stopped, and no other is there within 16 seconds.',
  ],
)

export const LOG_HELP = help(
  ['limpet log', 'limpet log --pool redis --backend b2', 'limpet log --share 0.01 --json | jq -r .cause'],
  'there is no such pool or listener, or the answer was not understood',
  [
    '\nNobody waits for a slow reader: what it does not read in time is left out, and\ncounted. Sessions that began before anybody followed are not told, unless\nlog.sessions was on then. It ends with 69 when the process is stopped.',
  ],
)

export const CONFIG_HELP = [
  section('Examples', 'limpet config diff', 'limpet config diff -c limpet.yaml'),
  section('Exit status', '64  the command line was not understood', 'and those of each command'),
].join('\n')

export const CONFIG_DIFF_HELP = [
  WHERE,
  '\nBackends are compared with those that there are now, changed by hand or not.\nVariables that the file names for secrets must be set here, too.',
  section(
    'Examples',
    'limpet config diff',
    'limpet config diff -c limpet.yaml && limpet reload -c limpet.yaml',
    'limpet config diff --exit-code > /dev/null || echo "something was changed"',
  ),
  section(
    'Exit status',
    EXIT_CODES.ok,
    '1   with --exit-code: something differs; or it could not be done',
    EXIT_CODES.usage,
    EXIT_CODES.unavailable,
    EXIT_CODES.internal,
    EXIT_CODES.noPermission,
    EXIT_CODES.config,
  ),
].join('\n')

export const SESSIONS_HELP = [
  section(
    'Examples',
    'limpet sessions list --backend b2',
    'limpet sessions close 513 770',
    'limpet sessions close --backend b2 --per-second 50',
  ),
].join('\n')

export const SESSION_LIST_HELP = help(
  [
    'limpet sessions list',
    'limpet sessions list --pool redis --backend b2',
    "limpet sessions list --json | jq -r 'select(.idleMs > 60000) | .id'",
  ],
  'there is no such pool or listener',
)

export const SESSION_CLOSE_HELP = help(
  [
    'limpet sessions close 513',
    'limpet backends drain b2 --hard              first: or they come back to it',
    'limpet sessions close --backend b2 --per-second 50 --deadline 30s',
  ],
  'a session was not there any more; the closing was stopped',
  ['\nCtrl-C ends the waiting, not the closing: that is for limpet sessions stop.'],
)

export const SESSION_CLOSINGS_HELP = help(['limpet sessions closings'], 'the answer was not understood')

export const SESSION_STOP_HELP = help(['limpet sessions stop 3'], 'there is no such closing')
