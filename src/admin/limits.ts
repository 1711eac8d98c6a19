/** Bounds of the admin API: whatever its clients do, they cost no more than this. */
export const LIMITS = {
  /** Past these, newcomers are closed at once. They are of the descriptors that sessions leave: `kReserve` of native/relay/fd_budget.cc. */
  connections: 64,
  /** Event streams at one time; fewer than connections, so that something is left for questions. */
  subscribers: 16,
  /** Readers of the sessions that end, besides. */
  logReaders: 8,
  /** Requests of one connection; then it is closed. */
  requestsPerConnection: 1000,
  /** Bytes of a body. */
  body: 64 * 1024,
  /** Bytes of the request line and the headers. */
  headers: 8 * 1024,
  /** Bytes of ended sessions that wait for a reader, besides what the system holds for it; past these they are left out. */
  eventBacklog: 256 * 1024,
  /** Characters of the last events, which wait for readers and for those that come back; some 30,000 events. */
  events: 4 * 1024 * 1024,
} as const

/** Milliseconds. */
export const TIMES = {
  /** For the headers of a request, from the first byte; of a new connection, from its beginning. */
  headers: 5000,
  /** For a whole request. */
  request: 10_000,
  /** Between two requests of a connection. */
  keepAlive: 5000,
  /** Without a byte in either direction; longer than between two comments of an event stream. */
  idle: 60_000,
  /** How often the first two are looked at. */
  check: 1000,
  /** Between two comments of an event stream, which keep proxies from closing it. */
  comment: 15_000,
} as const
