/** A file that `npm run gen` writes. */
export interface GeneratedFile {
  /** Relative to the root of the repository, '/'-separated. */
  readonly path: string
  readonly content: string
}

/** Answers the files that one generator wants, given the root of the repository. */
export type Generator = (root: string) => readonly GeneratedFile[] | Promise<readonly GeneratedFile[]>
