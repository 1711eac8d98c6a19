/** The key of clients of `bench keys` that say `join` and eight digits: a module of `affinity.key`. */
export function client(head: Buffer): Buffer | 'more' {
  return head.length < 12 ? 'more' : head.subarray(4, 12)
}
