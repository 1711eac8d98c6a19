/** Exit statuses of the command line; from 64 on those of sysexits.h. `docs/cli.md` lists them. */
export const EXIT = {
  ok: 0,
  /** It could not be done here and now, or sessions were cut. */
  failed: 1,
  /** `reload`: the change needs a restart. */
  restart: 2,
  /** The command line was not understood. */
  usage: 64,
  /** Some addresses were not addresses. */
  data: 65,
  /** No running process could be asked. */
  unavailable: 69,
  /** A fault of Limpet. */
  internal: 70,
  /** The user, or the token, may not ask. */
  noPermission: 77,
  /** The configuration is not valid, or cannot be read. */
  config: 78,
} as const
