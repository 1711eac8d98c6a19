/** The ids of `--trials`, in the order of tables. */
export const PICK_TRIALS = ['pins', 'threads', 'backends', 'homes'] as const

export type PickTrial = (typeof PICK_TRIALS)[number]

/** Options of `bench pick`. */
export interface PickOptions {
  /** Default: all. */
  trials?: readonly PickTrial[] | undefined
  /** Of each measurement. Default: 2; quick: 0.05. */
  seconds?: number | undefined
}
