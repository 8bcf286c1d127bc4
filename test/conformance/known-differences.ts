/** Cases that differ from the real tool on purpose: `suite/case` and why. An entry whose case passes fails the run. */
export const KNOWN_DIFFERENCES: readonly { readonly id: string; readonly reason: string }[] = [
  {
    id: 'helm/to-yaml-pretty-of-structs',
    reason:
      'go-yaml writes the fields of structs in small letters, in the order of their declaration; here they are as toYaml has them',
  },
  {
    id: 'helm/yaml-tag-that-does-not-fit',
    reason: 'a tag that does not fit its value (!!int abc) is passed over; Helm fails',
  },
  {
    id: 'kustomize/replacements-inside-yaml-text-with-anchors',
    reason: 'YAML inside a text that has anchors is printed anew after a replacement: aliases resolved, comments gone',
  },
  {
    id: 'kustomize/replacements-inside-yaml-text-flow-mapping',
    reason: 'a collection that is copied into YAML inside a text is printed in block style, whatever its own style was',
  },
]

/** Failures that are told in other words than the real tool's: `suite/case` and why. */
export const OTHER_WORDS: readonly { readonly id: string; readonly reason: string }[] = [
  {
    id: 'helm/error-endless-include',
    reason: 'templates may be nested 400 deep, Helm stops at 1000 of the same name: the stack of a Worker is smaller',
  },
  {
    id: 'helm/schema-many-errors',
    reason: 'Helm goes through the properties of an object in random order; here they are in order',
  },
  {
    id: 'helm/sub-chart-values-not-a-table',
    reason: "Helm's message prints the value, by mistake as %!t(string=text); values stay out of messages",
  },
  { id: 'helm/helm-test--default', reason: 'the words of two YAML parsers for one fault' },
]
