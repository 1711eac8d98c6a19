import type { Duration } from './value-options.ts'

/** What a health check asks a backend. */
export type CheckType = 'tcp' | 'tls' | 'http' | 'https' | 'expect' | 'redis' | 'postgres' | 'mysql' | 'smtp' | 'mqtt'

/** Active checks of a pool's backends. */
export interface HealthOptions {
  /**
   * What a backend is asked. `tcp`: to connect; `tls`: a handshake; `http`, `https`: a GET; `expect`: the steps below;
   * `redis`: PING; `postgres`: to begin a session; `mysql`: its greeting; `smtp`: its greeting; `mqtt`: CONNECT.
   * @defaultValue 'tcp'
   */
  type?: CheckType | undefined
  /**
   * Time between two checks of a backend, 10 ms to 1 hour; a tenth more or less at random.
   * @defaultValue '2s'
   */
  interval?: Duration | undefined
  /**
   * The same, while results speak against the state that the backend has.
   * @defaultValue '1s'
   */
  fastInterval?: Duration | undefined
  /**
   * How long a check may take, 1 ms to 1 hour.
   * @defaultValue '1s'
   */
  timeout?: Duration | undefined
  /**
   * Good checks in a row before a backend is up.
   * @defaultValue 2
   */
  rise?: number | undefined
  /**
   * Bad checks in a row before a backend is down.
   * @defaultValue 3
   */
  fall?: number | undefined
  /**
   * What a backend is before its first check. `check`: that one check decides, and traffic waits for it.
   * @defaultValue 'check'
   */
  initial?: 'up' | 'down' | 'check' | undefined
  /**
   * The port that is checked; 0: the backend's own.
   * @defaultValue 0
   */
  port?: number | undefined
  /** What an HTTP check asks for. Default: `/`. */
  path?: string | undefined
  /** The Host of an HTTP check. Default: the backend's address. */
  host?: string | undefined
  /** HTTP statuses that are well, like `200-399`, which is the default, or `200,204`. */
  status?: string | number | undefined
  /** Text that must occur in the first 64 KiB of the answer of an HTTP check. */
  body?: string | undefined
  /** What a check of type `expect` sends and expects, one after the other; at most 32. */
  steps?: CheckStep[] | undefined
  /** TLS of the check; `tls` and `https` use it in any case. */
  tls?: CheckTls | 'off' | false | undefined
  /** What becomes of the sessions of a backend that went down. */
  onDown?: OnDownOptions | undefined
}

/** What is different in the checks of one backend; the rest is its pool's. */
export interface BackendHealthOptions extends HealthOptions {
  /**
   * Where it is checked, if not at its own address: `host:port`, `[v6]:port` or `unix:/path`. A host name is looked up for every
   * check. Not together with `port`.
   */
  address?: string | undefined
}

/** Agents of the backends of a pool. */
export interface AgentOptions {
  /**
   * The port of the backend's host where its agent listens; 0: there are none.
   * @defaultValue 0
   */
  port?: number | undefined
  /**
   * Time between two questions, 100 ms to 1 hour; a tenth more or less at random.
   * @defaultValue '2s'
   */
  interval?: Duration | undefined
}

/** When a backend is ejected for what its sessions do. Its homes stay its own. */
export interface EjectionOptions {
  /**
   * Connects in a row that fail, or sessions in a row that the backend resets within five seconds and before it has sent anything.
   * @defaultValue 5
   */
  failures?: number | undefined
  /**
   * How long it is out the first time, 1 second to 1 hour. Each further time is that much longer, up to five minutes (or this, if
   * it is more); each such time in peace takes one off again.
   * @defaultValue '30s'
   */
  baseTime?: Duration | undefined
  /**
   * Per cent of the backends that may be out at one time, 1 to 100. One always may; the last that can serve never.
   * @defaultValue 10
   */
  maxEjected?: number | undefined
}

/** What becomes of the sessions of a backend that went down. */
export interface OnDownOptions {
  /**
   * `keep`: they go on as long as they can; `close`: they are closed, so that their clients come back to another one.
   * @defaultValue 'keep'
   */
  sessions?: 'keep' | 'close' | undefined
  /**
   * Sessions that are closed a second, the longest idle first; 0: all at once.
   * @defaultValue 100
   */
  perSecond?: number | undefined
  /**
   * When what is left is closed at once, from the beginning.
   * @defaultValue '30s'
   */
  deadline?: Duration | undefined
}

/** One step of a check: one of `send`, `sendHex`, `expect`, `expectHex` and `expectRegex`. */
export interface CheckStep {
  /** Text that is sent. */
  send?: string | undefined
  /** Bytes that are sent, in hexadecimal digits. */
  sendHex?: string | undefined
  /** Text that must come, wherever in what has come since the last step. */
  expect?: string | undefined
  /** Bytes that must come, in hexadecimal digits. */
  expectHex?: string | undefined
  /** A regular expression that must match what has come; bytes are taken as Latin-1. */
  expectRegex?: string | undefined
  /** How long this step may take. Default: the check's `timeout`. */
  timeout?: Duration | undefined
}

/** TLS of a check. */
export interface CheckTls {
  /** The name that the certificate must have; sent as SNI. Default: the backend's address. */
  serverName?: string | undefined
  /**
   * Whether the certificate must be valid.
   * @defaultValue 'on'
   */
  verify?: 'on' | 'off' | boolean | undefined
}
