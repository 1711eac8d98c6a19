import type { RelayLoadOptions } from '../relay/options.ts'
import type { SubjectId } from '../relay/subject.ts'

/** The ids of `--axes`: what grows. */
export const SCALE_AXES = ['sessions', 'backends', 'threads'] as const

export type ScaleAxis = (typeof SCALE_AXES)[number]

/** Options of `bench scale`. */
export interface ScaleBenchOptions extends RelayLoadOptions {
  /** Default: all. */
  axes?: readonly ScaleAxis[] | undefined
  /** Default: the floor, and Limpet with the native relay behind each acceptor. */
  subjects?: readonly SubjectId[] | undefined
  /** Live sessions. Default: 10, 100, 1000, 9000. */
  sessionCounts?: readonly number[] | undefined
  /** Default: 2, 10, 100, 1000. */
  backendCounts?: readonly number[] | undefined
  /** Default: from 1 to the machine's, doubling. */
  threadCounts?: readonly number[] | undefined
}
