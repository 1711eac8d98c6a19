/** What of the operating system Node does not give (Linux). Descriptors are plain numbers; negative results are `-errno`. */
export interface NativeOs {
  /**
   * Sends bytes (one at least) over a unix socket, and copies of at most 253 descriptors along with them; returns how many
   * bytes were sent.
   */
  send(socket: number, bytes: Uint8Array, descriptors: Uint32Array): number
  /**
   * Receives from a unix socket what is there: bytes, and descriptors, which are the caller's from now on; `count[0]` is how
   * many. Returns how many bytes; 0: the other side has ended it. Never waits: `-EAGAIN`.
   */
  receive(socket: number, bytes: Uint8Array, descriptors: Uint32Array, count: Uint32Array): number
  /** The process at the other side of a unix socket: when it connected, or when it began to listen. */
  peer(socket: number): PeerProcess | number
  /** Makes a listen socket that another process opened fit for use here. Returns 0; `-EINVAL`: it does not listen. */
  adopt(fd: number, backlog: number): number
  /** Another descriptor of the same socket, the caller's. */
  duplicate(fd: number): number
  /** Path of the file of a unix socket; empty: it is another kind, or has none. */
  unixPath(fd: number): Buffer
  /** A unix socket that listens; its file is the caller's to remove. */
  openUnix(path: string, backlog: number): number
  /** A TCP socket that listens, without the options of a listener. `host`: an IP address. */
  openTcp(host: string, port: number, ipv6Only: boolean, backlog: number): number
  /** A user by name, or by number as text; `gid` is that of its primary group. Undefined: there is none. */
  user(name: string): { name: string; uid: number; gid: number } | undefined
  /** The number of a group, by name. Undefined: there is none. */
  group(name: string): number | undefined
  /** Whether this process may connect from addresses that are not this host's (IP_TRANSPARENT). Returns 0 or -errno. */
  transparent(): number
  /** For every thread. Returns 0 or -errno: only for this thread, and those that it starts. */
  noNewPrivileges(): number
  /** Sends a datagram to the socket that NOTIFY_SOCKET names. */
  notify(socket: string, text: string): number
}

/** A process, and for whom it runs. */
export interface PeerProcess {
  pid: number
  uid: number
  gid: number
}
