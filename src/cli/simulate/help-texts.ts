import { EXIT_CODES, section } from '../help-texts.ts'

export const SIMULATE_HELP = [
  section('Examples', 'limpet simulate cluster --clients 1000000 --balancers 5'),
  section('Exit status', EXIT_CODES.ok, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')

export const SIMULATE_CLUSTER_HELP = [
  "\nEvery client has a session, pauses, and comes back, through any balancer. Homes\nare those of Limpet's own placement. Only pins whose backend is not the home are\nshared. Broken: a client that comes back within the ttl, and whose backend could\nhave taken it, meets another one. The oldest backend goes down and comes up; the\nyoungest is removed; the youngest balancer is killed, unless it is the only one.\nEqual options give equal figures everywhere. A million clients take about a\nminute for each hour.",
  section(
    'Examples',
    'limpet simulate cluster                          three balancers, an hour',
    'limpet simulate cluster --alone                  and if they shared nothing?',
    'limpet simulate cluster --scope cluster          a bound over all of them',
    'limpet simulate cluster --changes add@20m        a backend more',
    'limpet simulate cluster --changes kill@20m,add@30m --json',
  ),
  section('Exit status', EXIT_CODES.ok, EXIT_CODES.usage, EXIT_CODES.internal),
].join('\n')
