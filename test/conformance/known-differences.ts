/** Cases that differ from the real tool on purpose: `suite/case` and why. An entry whose case passes fails the run. */
export const KNOWN_DIFFERENCES: readonly { readonly id: string; readonly reason: string }[] = []
