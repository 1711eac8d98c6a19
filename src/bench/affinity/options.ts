/** The ids of `--trials`, in the order of tables. */
export const AFFINITY_TRIALS = ['balance', 'movement', 'overflow', 'prefixes'] as const

export type AffinityTrial = (typeof AFFINITY_TRIALS)[number]

/** Options of `bench affinity`. */
export interface AffinityOptions {
  /** Default: all. */
  trials?: readonly AffinityTrial[] | undefined
  /** Clients whose homes are asked. Default: 200,000; quick: 5,000. */
  clients?: number | undefined
}
