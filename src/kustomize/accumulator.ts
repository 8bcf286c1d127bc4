import { emptyConfig, mergeConfigs, type TransformerConfig } from './config/transformer-config.ts'
import { uniteVars, type VarSet } from './filters/vars.ts'
import { ResourceList } from './resource-list.ts'

/** What a kustomization has gathered so far: objects, field specs and vars (api/internal/accumulator). */
export class Accumulator {
  readonly list = new ResourceList()
  config: TransformerConfig = emptyConfig
  vars: VarSet = new Map()

  /** Adds field specs. Throws `field-spec-conflict`. */
  mergeConfig(config: TransformerConfig): void {
    this.config = mergeConfigs(this.config, config)
  }

  /** Takes over everything from a finished sub-kustomization. Throws `kustomize-id-conflict` and `kustomize-var-duplicate`. */
  merge(other: Accumulator): void {
    this.list.appendAll(other.list.items)
    this.mergeConfig(other.config)
    this.vars = uniteVars(this.vars, other.vars)
  }
}
