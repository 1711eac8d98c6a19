/** Sees the bytes of one direction of a session on their way, and may change them. */
export interface ByteFilter {
  /** What goes on in place of these; may be nothing for now. */
  push(chunk: Buffer): Buffer
  /** No more will come: what was kept back. */
  end(): Buffer
  /** Whether bytes are kept back now. */
  readonly isHolding: boolean
}

export const NO_BYTES: Buffer = Buffer.alloc(0)
