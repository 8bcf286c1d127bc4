import type { Diagnostic } from '../base/index.ts'
import type { FileTree } from '../ports/index.ts'
import { builtInSchema, type Schema } from '../resources/index.ts'
import type { HelmChartRequest, InflateHelm } from './generators/helm-charts.ts'

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
  /** The schema in use. It follows {@link useSchema}, also for objects that were read before. */
  readonly schema: Schema
  private custom: Schema | undefined

  constructor(options: { remote?: ResolveRemote | undefined; inflateHelm?: InflateHelm | undefined }) {
    this.remote = options.remote
    this.inflateHelm = options.inflateHelm
    this.schema = {
      forType: (apiVersion, kind) => (this.custom ?? builtInSchema).forType(apiVersion, kind),
      isNamespaced: (apiVersion, kind) => (this.custom ?? builtInSchema).isNamespaced(apiVersion, kind),
    }
  }

  /** Takes a custom schema into use; the first one of a build counts. */
  useSchema(schema: Schema): void {
    this.custom ??= schema
  }

  /** True while something must be fetched before the build can be completed. */
  get incomplete(): boolean {
    return this.requests.length > 0
  }
}
