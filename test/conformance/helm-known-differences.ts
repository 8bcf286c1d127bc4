/**
 * Cases of the corpus of charts in which the engine deliberately, or for now, differs from Helm, each with the reason. A case that no longer
 * differs fails the run.
 */
export const helmDifferences: { readonly [name: string]: string } = {}
