import { builtInSchema, type Schema, type SchemaNode } from '../resources/index.ts'
import { type BuiltInRole, parseSchema } from './custom-schema.ts'

/**
 * The schema of a build: the built-in one, or the first that a kustomization names. Which of both wins for a definition depends on whether
 * the built-in one was needed before the other came (kyaml openapi, SetSchema and initSchema): a merge before lets the custom schema win,
 * a look at the scope of an unusual kind lets the built-in one win, and without either there is no built-in schema at all.
 */
export class SchemaInUse implements Schema {
  private role: BuiltInRole = 'none'
  private isChosen = false
  private custom: (() => Schema) | undefined

  /** Takes the built-in schema into use for good, unless another one is in use already. */
  useBuiltIn(): void {
    this.isChosen = true
  }

  /** Takes a custom schema into use; the first one of a build counts. The text is read when something is looked up. */
  useCustom(text: string, file: string): void {
    if (this.isChosen) return
    this.isChosen = true
    const { role } = this
    let parsed: Schema | undefined
    this.custom = () => (parsed ??= parseSchema(text, file, role))
  }

  /** True when no further choice counts. */
  get isFixed(): boolean {
    return this.isChosen
  }

  forType(apiVersion: string, kind: string): SchemaNode | undefined {
    if (this.custom !== undefined) return this.custom().forType(apiVersion, kind)
    this.role = 'below'
    return builtInSchema.forType(apiVersion, kind)
  }

  isNamespaced(apiVersion: string, kind: string): boolean | undefined {
    const known = builtInSchema.isNamespaced(apiVersion, kind)
    if (known !== undefined) return known
    if (this.custom !== undefined) return this.custom().isNamespaced(apiVersion, kind)
    if (this.role === 'none') this.role = 'above'
    return undefined
  }
}
