/** A command to run at a host over SSH. */
export interface SshCommand {
  readonly host: string
  readonly port: number
  readonly user: string
  /** Private key in PEM or OpenSSH form. */
  readonly identity: string
  /** Opens an encrypted `identity`. */
  readonly passphrase?: string
  readonly command: string
  /** Variables that the host is asked to set; it may ignore them. */
  readonly env?: { readonly [name: string]: string }
  /** Host key algorithms to offer, the preferred one first. Never empty. */
  readonly hostKeyAlgorithms: readonly string[]
  /** Judges the key (wire form) that the host proves to hold; false ends the connection. */
  acceptsHostKey(key: Uint8Array): boolean
  /** Ends connecting and the command. */
  readonly signal: AbortSignal
}

/** A running command. */
export interface SshChannel {
  /** Sends `input` and then the end of the input. */
  finish(input: Uint8Array): Promise<void>
  /** What the command prints. Ends with the command; read it to its end, or call `close`. */
  readonly output: AsyncIterable<Uint8Array>
  /** The beginning of what the command printed as errors so far. */
  errorText(): string
  close(): void
}

/** Runs commands over SSH. Platforms without raw sockets have none. */
export interface SshClient {
  /**
   * Connects (or goes on with an open connection of the same user, key and host) and starts the command. Throws EngineError `ssh-unreachable`, `ssh-aborted` (`retry`),
   * `ssh-host-key` (the key was not accepted), `ssh-authentication` (the host refused the key), `ssh-identity` (the private key cannot be read), `egress-refused`.
   */
  open(command: SshCommand): Promise<SshChannel>
}
