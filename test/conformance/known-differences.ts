/** Cases that differ from the real tool on purpose: `suite/case` and why. An entry whose case passes fails the run. */
export const KNOWN_DIFFERENCES: readonly { readonly id: string; readonly reason: string }[] = [
  {
    id: 'kustomize/replacements-inside-yaml-text-with-anchors',
    reason: 'YAML inside a text that has anchors is printed anew after a replacement: aliases resolved, comments gone',
  },
  {
    id: 'kustomize/replacements-inside-yaml-text-flow-mapping',
    reason: 'a collection that is copied into YAML inside a text is printed in block style, whatever its own style was',
  },
]
