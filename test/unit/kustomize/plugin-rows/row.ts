/** One row of a plugin's table. */
export interface PluginRow {
  readonly name: string
  /** The object that configures the plugin, without apiVersion, kind and name. */
  readonly config: object
  /** YAML of what a transformer works on. */
  readonly objects?: string
  /** Further files of the kustomization. */
  readonly files?: { readonly [path: string]: string }
  /** The YAML that is printed, or the code of the error. */
  readonly want: string | { readonly error: string }
}

/** Rows by the kind of plugin. */
export type PluginTables = { readonly [kind: string]: readonly PluginRow[] }
