import type { Diagnostic } from '../base/index.ts'
import type { FileTree } from '../ports/index.ts'
import type { HelmChartRequest, InflateHelm } from './generators/helm-charts.ts'
import { SchemaInUse } from './schema-in-use.ts'

/** Content fetched from elsewhere: a file, or a directory with a kustomization. */
export type RemoteContent = { readonly text: string } | { readonly files: FileTree; readonly path: string }

/** Something a build needs from outside: fetch it and build again. */
export type RenderRequest =
  { readonly kind: 'remote'; readonly url: string } | { readonly kind: 'chart'; readonly chart: HelmChartRequest }

/** Gives the content of a remote resource; undefined where it must be fetched first. */
export type ResolveRemote = (url: string) => RemoteContent | undefined

/** What all kustomizations of one build share. */
export class BuildContext {
  readonly warnings: Diagnostic[] = []
  readonly requests: RenderRequest[] = []
  readonly remote: ResolveRemote | undefined
  readonly inflateHelm: InflateHelm | undefined
  readonly schema = new SchemaInUse()

  constructor(options: { remote?: ResolveRemote | undefined; inflateHelm?: InflateHelm | undefined }) {
    this.remote = options.remote
    this.inflateHelm = options.inflateHelm
  }

  /** True while something must be fetched before the build can be completed. */
  get incomplete(): boolean {
    return this.requests.length > 0
  }
}
