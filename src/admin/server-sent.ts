/** A server-sent event (HTML standard, 9.2). */
export function eventText(event: string, id: number | string, data: object): string {
  return `event: ${event}\nid: ${id}\ndata: ${JSON.stringify(data)}\n\n`
}
