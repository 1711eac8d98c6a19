// What theory and publications say, in the units of the series. Sources: a backend's part of a circle with v points a
// backend is a sum of v of n·v uniform spacings, so Beta(v, n·v − v); slots and keys are drawn, so multinomial. Greatest
// parts, overflow and probes by simulation of the rule of Mirrokni, Thorup and Zadimoghaddam (arXiv 1608.01350, SODA 2018),
// n = 100, capacity ceil(c·m/n), order of preference at random; the standard error of a ring, 0.0997 with 100 points, is
// that of Lamping and Veach (arXiv 1406.2294).

/** Slots of a rendezvous placement: native/core/rendezvous.h. */
const SLOTS = 2 ** 20

/** Relative standard deviation of the parts of the key space that backends are home of, as a variance. */
function structure(subject: string, points: number, backends: number): number {
  if (subject === 'rendezvous') return (backends - 1) / SLOTS
  return points === 0 ? 0 : (backends - 1) / (backends * points + 1)
}

/** Relative standard deviation, %, of backends' shares of all keys. */
export function deviationOfShares(subject: string, points: number, backends: number): number {
  return 100 * Math.sqrt(structure(subject, points, backends))
}

/** Relative standard deviation, %, of backends' shares of a sample of keys. */
export function deviationOfKeys(subject: string, points: number, backends: number, keys: number): number {
  return 100 * Math.sqrt(structure(subject, points, backends) + (backends - 1) / keys)
}

/** Fullest backend over the mean, by backends; of the whole key space. */
export const PEAKS: Readonly<Record<string, Readonly<Record<number, number>>>> = {
  rendezvous: { 1000: 1.103 },
  ring: { 10: 1.12, 100: 1.21 },
}

/** Overflow, %, by subject, sessions and bound. */
export const OVERFLOW: Readonly<Record<string, Readonly<Record<number, Readonly<Record<number, number>>>>>> = {
  rendezvous: { 1000: { 1.1: 9.6, 1.25: 3.2, 1.5: 0.8, 2: 0 }, 10000: { 1.05: 2.3, 1.1: 0.9, 1.25: 0.2 } },
  ring: { 1000: { 1.1: 10.5, 1.25: 3.2, 1.5: 0.9, 2: 0 } },
}

/** Mean probes, by subject, sessions and bound. */
export const PROBES: typeof OVERFLOW = {
  rendezvous: { 1000: { 1.1: 1.15, 1.25: 1.04, 1.5: 1.01, 2: 1 } },
  ring: { 1000: { 1.1: 1.18, 1.25: 1.04, 1.5: 1.01, 2: 1 } },
}

/** Keys, %, that a change must move from `n` equal backends: those of a new one, of one that goes, of one twice as heavy. */
export const IDEAL = {
  add: (n: number): number => 100 / (n + 1),
  remove: (n: number): number => 100 / n,
  weight: (n: number): number => 100 * (2 / (n + 1) - 1 / n),
}
