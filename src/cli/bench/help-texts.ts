import { EXIT_CODES, section } from '../help-texts.ts'

const FAILED = '1   something could not be measured, or it was stopped; the rest is told'

export const BENCH_HELP = [
  '\nEvery benchmark measures in rounds, in which those who are compared take turns,\nand tells medians with their spread. It prints tables, and leaves a folder with\nreport.json, report.md and a plot (SVG) for each table.',
  section(
    'Examples',
    'limpet bench pick --quick                 does everything work here?',
    'limpet bench affinity --report before     a whole run, into the folder before',
    'limpet bench compare before after         what became faster, what slower?',
  ),
  section('Exit status', EXIT_CODES.ok, FAILED, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const PICK_HELP = [
  '\npins: picks by the size of the stick table, and memory of a pin. threads,\nbackends: picks by their number. homes: only the home of a client, beside the\nnpm packages hashring and consistent-hash, which know no more.',
  section(
    'Examples',
    'limpet bench pick                           all of it, about 15 minutes',
    'limpet bench pick --trials pins --rounds 3  only that, with three samples each',
    'limpet bench pick --json > pick.json        no folder, no tables',
  ),
  section('Exit status', EXIT_CODES.ok, FAILED, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const AFFINITY_HELP = [
  '\nbalance: clients and all keys over equal backends. movement: a backend is\nadded, removed, or gets twice the weight. overflow: sessions past their home,\nand how many backends were looked at, by bound. prefixes: what widths of IPv6\nkeys keep clients together, and how evenly. Every round has clients and a\nsecret of its own, the same in every run: equal code gives equal figures\neverywhere.',
  section(
    'Examples',
    'limpet bench affinity                       all of it, about 5 minutes',
    'limpet bench affinity --trials overflow     only that',
    'limpet bench affinity --quick --report out  the files of a short run, in out/',
  ),
  section('Exit status', EXIT_CODES.ok, FAILED, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const RELAY_HELP = [
  '\nEvery subject, the clients and the backends are processes of their own. direct:\nnobody between them. floor: the least that a balancer must do. The load\ngenerator checks every answer; a subject that loses one has no sample.\ndocs/benchmarks.md tells what is held equal. Who is not installed is left out,\nwith a note.',
  section(
    'Examples',
    'limpet bench relay --quick',
    'limpet bench relay --trials connection,round-trip --report before',
    'limpet bench relay --subjects limpet-native,haproxy --haproxy ./haproxy-3.5',
  ),
  section('Exit status', EXIT_CODES.ok, FAILED, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const SCALE_HELP = [
  '\nsessions: those that rest beside connections, or take turns in round trips.\nbackends: with as many listening sockets. threads: those that relay.',
  section(
    'Examples',
    'limpet bench scale --quick',
    'limpet bench scale --axes sessions --session-counts 100,9000',
    'limpet bench scale --subjects limpet-native,haproxy --rounds 3',
  ),
  section('Exit status', EXIT_CODES.ok, FAILED, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const KEYS_HELP = [
  '\nClients send the first bytes of their protocol, 4,096 different ones, and then\nwhat those of bench relay send; the native acceptor and the native relay serve\nthem. One who is not found a key is refused, and the cell has no sample.',
  section('Examples', 'limpet bench keys --quick', 'limpet bench keys --kinds source,tls.sni,mqtt.clientId --rounds 7'),
  section('Exit status', EXIT_CODES.ok, FAILED, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const COMPARE_HELP = [
  '\nA ratio is later / earlier, with the farthest that samples of both may lie\napart. Where both have a value in common, the difference is noise.',
  section(
    'Examples',
    'limpet bench compare before after',
    'limpet bench compare a/report.json b/report.json --json',
    'limpet bench compare main mine --fail-above 1.1   for CI: nothing 10 % worse?',
  ),
  section(
    'Exit status',
    '0   compared; with --fail-above: nothing got so much worse',
    '1   something did; or a report cannot be read',
    EXIT_CODES.usage,
    EXIT_CODES.internal,
  ),
].join('\n')
