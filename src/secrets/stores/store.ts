import type { SopsBranch } from '../tree.ts'

/** An encrypted file taken apart: its documents without the metadata, and the metadata as a tree. */
export interface LoadedFile {
  readonly branches: SopsBranch[]
  readonly metadata: SopsBranch
}

/** Reads and writes files of one format. */
export interface Store {
  /** @throws EngineError `sops-bad-file`; messages hold positions and keys, never values. */
  load(content: Uint8Array): LoadedFile
  /** The plain file. @throws EngineError `sops-bad-file` for a tree that the format cannot hold. */
  emit(branches: readonly SopsBranch[]): Uint8Array<ArrayBuffer>
}
