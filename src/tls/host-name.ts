/** A name that a client asks for as certificates, routes and keys have it: in small letters, without the dot of the root. */
export function hostName(asked: string): string {
  return asked.toLowerCase().replace(/\.$/, '')
}
