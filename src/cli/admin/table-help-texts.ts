import { section } from '../help-texts.ts'
import { help, NEEDS_ADMIN, WHERE } from './help-texts.ts'

const CLIENT = '\nA client is an IP address, or a key as table list tells it (192.0.2.0/24).'

export const TABLE_HELP = [
  section(
    'Examples',
    'limpet table list --away           who is not at home?',
    'limpet table get 192.0.2.7',
    'limpet table set 192.0.2.7 b2      from its next connection on',
    'limpet table export > pins.ndjson  and, at another balancer:',
    'limpet table import pins.ndjson',
  ),
  section('Exit status', ...['64  the command line was not understood', 'and those of each command']),
].join('\n')

export const TABLE_LIST_HELP = help(
  [
    'limpet table list',
    'limpet table list --backend b2 --away --limit 100',
    "limpet table list --json | jq -r 'select(.sessions > 0) | .key'",
  ],
  'there is no such backend, or the pool has no stick table',
)

export const TABLE_HOT_HELP = help(
  ['limpet table hot', "limpet table hot --top 3 --json | jq -r '.hottest[].key'"],
  'the pool has no stick table',
)

export const TABLE_GET_HELP = help(
  ['limpet table get 192.0.2.7', 'limpet table get 192.0.2.7 --json | jq -r .backend'],
  'it has no pin, or is no address',
  [CLIENT],
)

export const TABLE_SET_HELP = help(
  ['limpet table set 192.0.2.7 b2', 'limpet table set 2001:db8::7 b2 --ttl 10m'],
  'no such backend, no address, or the table is full',
  [
    CLIENT,
    '\nSessions go on where they are; the next one of the client follows the pin. From\nthen on the ttl of the table holds.',
  ],
)

export const TABLE_DELETE_HELP = help(
  ['limpet table delete 192.0.2.7', 'limpet table delete 192.0.2.7 192.0.2.8'],
  'one had no pin; those behind it were not looked at',
  [CLIENT],
)

export const TABLE_CLEAR_HELP = help(
  ['limpet table clear --backend b2', 'limpet table clear --yes'],
  'no such backend, or the pool has no stick table',
)

export const TABLE_EXPORT_HELP = help(
  ['limpet table export > pins.ndjson', 'limpet table export | gzip > pins.ndjson.gz'],
  'the pool has no stick table',
  [
    '\nA line of JSON a pin, behind one that says what it is. Without pins of clients\nthat are just connecting for the first time.',
  ],
)

export const TABLE_IMPORT_HELP = [
  WHERE,
  '\nPins of a pool with another secret or other prefixes are refused: its keys are\nothers. Time that has gone by since the export counts.',
  section('Examples', 'limpet table import pins.ndjson', 'gunzip < pins.ndjson.gz | limpet table import -'),
  section(
    'Exit status',
    '0   done; also where pins were expired, or of backends that are not there',
    '1   it could not be done, e.g. the file cannot be read',
    ...NEEDS_ADMIN.slice(0, 1),
    '65  it is no export, or of other keys; or lines of it are no pins',
    ...NEEDS_ADMIN.slice(1),
  ),
].join('\n')
