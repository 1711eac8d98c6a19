import type { Socket } from 'node:net'

/**
 * Adds to what was read of a client before, unless that is enough already: what is past the limit stays with the socket, which
 * stops reading when it has enough.
 */
export function readHead(client: Socket, head: Buffer, most: number): Buffer {
  if (head.length >= most) return head
  const parts = [head]
  for (let part: Buffer | null = client.read(); part !== null; part = client.read()) parts.push(part)
  return parts.length > 1 ? Buffer.concat(parts) : head
}

/** What has come of a client and lies with its socket, where it stays; undefined: nothing. */
export function unreadOf(client: Socket): Buffer | undefined {
  const bytes: Buffer | null = client.readableLength > 0 ? client.read() : null
  if (bytes === null) return undefined
  client.unshift(bytes)
  return bytes
}
