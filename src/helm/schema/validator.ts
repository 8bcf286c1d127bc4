import { RE2JS } from 're2js'
import { toCharacters, type GoMap, type Value } from '../../template/index.ts'
import { helmError } from '../errors.ts'
import { isSchemaObject, SchemaDocument, type Resource, type Schema, type SchemaObject } from './document.ts'
import { failure, numberText, quote, quoteAll, type Failure } from './failure.ts'
import { checkFormat, checkNumber, checkScalarKeywords, duplicateFailure } from './keywords.ts'

/** Schemas inside schemas that are followed for one value. */
const maxDepth = 300

/** Schemas that are applied in one validation: bounds what crafted references can make of a small schema. */
const maxSteps = 500_000

/** Where a schema is applied: for `$dynamicRef`, and to find references that go in circles. */
interface Scope {
  readonly schema: SchemaObject
  readonly resource: Resource
  /** Equal for schemas that are applied to the same value. */
  readonly value: number
  readonly depth: number
  readonly parent: Scope | undefined
}

/** What a schema has looked at, for `unevaluatedProperties` and `unevaluatedItems`. */
interface Seen {
  readonly properties: Set<string>
  readonly items: Set<number>
}

interface Outcome {
  readonly failures: readonly Failure[]
  readonly seen: Seen
}

interface Frame {
  readonly schema: SchemaObject
  readonly resource: Resource
  readonly value: Value
  readonly path: readonly string[]
  readonly scope: Scope
  readonly seen: Seen
  readonly failures: Failure[]
}

/**
 * Checks values against a schema of draft 4, 6, 7, 2019-09 or 2020-12 as santhosh-tekuri/jsonschema v6 does, which Helm uses: regular expressions are RE2's,
 * formats count until draft 7, remote references are refused. Bounded in depth and steps.
 */
export class SchemaValidator {
  readonly #document: SchemaDocument
  readonly #patterns = new Map<string, RE2JS>()
  #steps = 0
  #values = 0

  /** @throws EngineError `values-schema`, `values-schema-remote`. */
  constructor(schema: Schema) {
    this.#document = new SchemaDocument(schema)
  }

  /** What is wrong with `values`; empty where nothing is. */
  validate(values: Value): readonly Failure[] {
    const { main } = this.#document
    const outcome = this.#apply(main.root, values, [], main, undefined, true)
    const [only] = outcome.failures
    return outcome.failures.length === 1 && only?.kind === 'group' ? only.causes : outcome.failures
  }

  #apply(
    schema: Schema,
    value: Value,
    path: readonly string[],
    from: Resource,
    parent: Scope | undefined,
    isNewValue: boolean,
  ): Outcome {
    const seen: Seen = { properties: new Set(), items: new Set() }
    if (schema === true) return { failures: [], seen }
    if (schema === false) return { failures: [failure(path, 'false schema')], seen }
    if (++this.#steps > maxSteps)
      throw helmError('values-schema', `values.schema.json takes more than ${maxSteps} steps to apply`)
    const resource = this.#document.ownerOf(schema, from)
    const scope: Scope = {
      schema,
      resource,
      value: isNewValue || parent === undefined ? ++this.#values : parent.value,
      depth: (parent?.depth ?? 0) + 1,
      parent,
    }
    if (scope.depth > maxDepth)
      throw helmError('values-schema', `values.schema.json nests schemas more than ${maxDepth} deep`)
    if (isCircular(scope)) return { failures: [failure(path, 'reference cycle')], seen }
    const frame: Frame = { schema, resource, value, path, scope, seen, failures: [] }
    this.#check(frame)
    return { failures: frame.failures, seen }
  }

  #check(frame: Frame): void {
    const { schema, resource } = frame
    const isOld = resource.draft < 2019
    if (typeof schema['$ref'] === 'string' && isOld) {
      this.#reference(frame, schema['$ref'])
      return
    }
    const basic = checkScalarKeywords(frame)
    if (basic !== undefined) {
      frame.failures.push(basic)
      return
    }
    if (isOld && typeof schema['format'] === 'string') {
      const wrong = checkFormat(frame, schema['format'])
      if (wrong !== undefined) {
        frame.failures.push(wrong)
        return
      }
    }
    if (typeof schema['$ref'] === 'string') this.#reference(frame, schema['$ref'])
    if (frame.value instanceof Map) this.#object(frame, frame.value)
    else if (Array.isArray(frame.value)) this.#array(frame, frame.value)
    else if (typeof frame.value === 'string') this.#text(frame, frame.value)
    else checkNumber(frame)
    if (!isOld) this.#dynamicReferences(frame)
    this.#combinations(frame)
    if (!isOld) this.#unevaluated(frame)
  }

  /** Applies a schema to the same value; what it has looked at counts where it holds. */
  #same(frame: Frame, schema: unknown, resource: Resource = frame.resource): Failure | undefined {
    if (!isSchema(schema)) return undefined
    const outcome = this.#apply(schema, frame.value, frame.path, resource, frame.scope, false)
    if (outcome.failures.length === 0) {
      for (const key of outcome.seen.properties) frame.seen.properties.add(key)
      for (const index of outcome.seen.items) frame.seen.items.add(index)
    }
    return grouped(outcome.failures, frame.path)
  }

  #below(frame: Frame, schema: unknown, value: Value, token: string): Failure | undefined {
    if (!isSchema(schema)) return undefined
    const path = [...frame.path, token]
    return grouped(this.#apply(schema, value, path, frame.resource, frame.scope, true).failures, path)
  }

  #reference(frame: Frame, reference: string): void {
    this.#refer(frame, this.#document.resolve(reference, frame.resource))
  }

  #refer(frame: Frame, target: Schema): void {
    const wrong = this.#same(frame, target)
    if (wrong === undefined) return
    const causes = wrong.kind === 'group' ? wrong.causes : [wrong]
    frame.failures.push({ kind: 'reference', path: frame.path, message: 'validation failed', causes })
  }

  #dynamicReferences(frame: Frame): void {
    const { $recursiveRef, $dynamicRef } = frame.schema
    if (typeof $recursiveRef === 'string') {
      let target = this.#document.resolve($recursiveRef, frame.resource)
      if (isSchemaObject(target) && target['$recursiveAnchor'] === true) {
        for (let at: Scope | undefined = frame.scope; at !== undefined; at = at.parent) {
          const { root } = at.resource
          if (isSchemaObject(root) && root['$recursiveAnchor'] === true) target = root
        }
      }
      this.#refer(frame, target)
    }
    if (typeof $dynamicRef !== 'string') return
    let target = this.#document.resolve($dynamicRef, frame.resource)
    const anchor = $dynamicRef.slice($dynamicRef.indexOf('#') + 1)
    if (isSchemaObject(target) && target['$dynamicAnchor'] === anchor) {
      for (let at: Scope | undefined = frame.scope; at !== undefined; at = at.parent) {
        target = at.resource.dynamicAnchors.get(anchor) ?? target
      }
    }
    this.#refer(frame, target)
  }

  #object(frame: Frame, value: GoMap): void {
    const { schema, failures, path, resource } = frame
    const { minProperties, maxProperties, required, dependencies } = schema
    if (isNumber(minProperties) && value.size < minProperties)
      failures.push(failure(path, `minProperties: got ${numberText(value.size)}, want ${numberText(minProperties)}`))
    if (isNumber(maxProperties) && value.size > maxProperties)
      failures.push(failure(path, `maxProperties: got ${numberText(value.size)}, want ${numberText(maxProperties)}`))
    const missing = missingOf(value, required)
    if (missing.length === 1) failures.push(failure(path, `missing property ${quoteAll(missing)}`))
    else if (missing.length > 1) failures.push(failure(path, `missing properties ${quoteAll(missing)}`))
    this.#dependencies(frame, value, dependencies)
    this.#properties(frame, value)
    if (resource.draft >= 6 && isSchema(schema['propertyNames'])) {
      for (const key of [...value.keys()].sort()) {
        const wrong = this.#apply(schema['propertyNames'], key, path, resource, frame.scope, true).failures
        if (wrong.length > 0) failures.push(failure(path, `invalid propertyName ${quote(key)}`, wrong))
      }
    }
    if (resource.draft >= 2019) {
      this.#dependencies(frame, value, schema['dependentSchemas'])
      this.#dependencies(frame, value, schema['dependentRequired'])
    }
  }

  #dependencies(frame: Frame, value: GoMap, dependencies: unknown): void {
    if (!isSchemaObject(dependencies)) return
    for (const [key, dependency] of Object.entries(dependencies)) {
      if (!value.has(key)) continue
      if (!Array.isArray(dependency)) push(frame.failures, this.#same(frame, dependency))
      else {
        const missing = missingOf(value, dependency)
        if (missing.length > 0)
          frame.failures.push(failure(frame.path, `properties ${quoteAll(missing)} required, if ${quote(key)} exists`))
      }
    }
  }

  #properties(frame: Frame, value: GoMap): void {
    const { properties, patternProperties, additionalProperties } = frame.schema
    const patterns = isSchemaObject(patternProperties) ? Object.entries(patternProperties) : []
    const unexpected: string[] = []
    for (const key of [...value.keys()].sort()) {
      const item = value.get(key)
      let isSeen = false
      if (isSchemaObject(properties) && Object.hasOwn(properties, key)) {
        isSeen = true
        push(frame.failures, this.#below(frame, properties[key], item, key))
      }
      for (const [pattern, schema] of patterns) {
        if (!this.#matches(pattern, key)) continue
        isSeen = true
        push(frame.failures, this.#below(frame, schema, item, key))
      }
      if (!isSeen && additionalProperties !== undefined) {
        isSeen = true
        if (additionalProperties === false) unexpected.push(key)
        else push(frame.failures, this.#below(frame, additionalProperties, item, key))
      }
      if (isSeen) frame.seen.properties.add(key)
    }
    if (unexpected.length > 0)
      frame.failures.push(failure(frame.path, `additional properties ${quoteAll(unexpected)} not allowed`))
  }

  #array(frame: Frame, value: readonly Value[]): void {
    const { schema, failures, path, resource } = frame
    const { minItems, maxItems, uniqueItems } = schema
    if (isNumber(minItems) && value.length < minItems)
      failures.push(failure(path, `minItems: got ${numberText(value.length)}, want ${numberText(minItems)}`))
    if (isNumber(maxItems) && value.length > maxItems)
      failures.push(failure(path, `maxItems: got ${numberText(value.length)}, want ${numberText(maxItems)}`))
    if (uniqueItems === true) push(failures, duplicateFailure(value, path))
    const isOld = resource.draft < 2020
    const tuple = isOld ? schema['items'] : schema['prefixItems']
    const rest = isOld ? (Array.isArray(tuple) ? schema['additionalItems'] : tuple) : schema['items']
    const fixed = Array.isArray(tuple) ? Math.min(tuple.length, value.length) : 0
    for (let index = 0; index < fixed; index++) this.#item(frame, (tuple as unknown[])[index], value, index)
    if (rest === false && isOld && Array.isArray(tuple)) {
      if (value.length > fixed)
        failures.push(failure(path, `last ${value.length - fixed} additionalItem(s) not allowed`))
    } else if (rest !== undefined)
      for (let index = fixed; index < value.length; index++) this.#item(frame, rest, value, index)
    if (resource.draft >= 6) this.#contains(frame, value)
  }

  #item(frame: Frame, schema: unknown, value: readonly Value[], index: number): void {
    frame.seen.items.add(index)
    push(frame.failures, this.#below(frame, schema, value[index], String(index)))
  }

  #contains(frame: Frame, value: readonly Value[]): void {
    const { contains, minContains, maxContains } = frame.schema
    if (!isSchema(contains)) return
    const causes: Failure[] = []
    const matched: number[] = []
    value.forEach((item, index) => {
      const wrong = this.#below(frame, contains, item, String(index))
      if (wrong !== undefined) causes.push(wrong)
      else {
        matched.push(index)
        if (frame.resource.draft >= 2020) frame.seen.items.add(index)
      }
    })
    const has = frame.resource.draft >= 2019
    if (has && isNumber(minContains)) {
      if (matched.length < minContains) {
        const but =
          matched.length === 0 ? 'but none matched' : `but matched ${matched.length} items at ${matched.join(' ')}`
        frame.failures.push(
          failure(frame.path, `min ${minContains} items required to match contains schema, ${but}`, causes),
        )
      }
    } else if (matched.length === 0) frame.failures.push(failure(frame.path, 'no items match contains schema', causes))
    if (has && isNumber(maxContains) && matched.length > maxContains) {
      frame.failures.push(
        failure(
          frame.path,
          `max ${maxContains} items required to match contains schema, but matched ${matched.length} items at ${matched.join(' ')}`,
        ),
      )
    }
  }

  #text(frame: Frame, value: string): void {
    const { minLength, maxLength, pattern } = frame.schema
    const length = isNumber(minLength) || isNumber(maxLength) ? toCharacters(value).length : 0
    if (isNumber(minLength) && length < minLength)
      frame.failures.push(failure(frame.path, `minLength: got ${numberText(length)}, want ${numberText(minLength)}`))
    if (isNumber(maxLength) && length > maxLength)
      frame.failures.push(failure(frame.path, `maxLength: got ${numberText(length)}, want ${numberText(maxLength)}`))
    // The value is not shown: it may be a secret.
    if (typeof pattern === 'string' && !this.#matches(pattern, value))
      frame.failures.push(failure(frame.path, `value does not match pattern ${quote(pattern)}`))
  }

  #matches(pattern: string, text: string): boolean {
    let compiled = this.#patterns.get(pattern)
    if (compiled === undefined) {
      try {
        compiled = RE2JS.compile(pattern)
      } catch (cause) {
        throw helmError(
          'values-schema',
          `values.schema.json has the pattern ${quote(pattern)}, which is no regular expression`,
          { cause },
        )
      }
      this.#patterns.set(pattern, compiled)
    }
    return compiled.matcher(text).find()
  }

  #combinations(frame: Frame): void {
    const { schema, failures, path, resource } = frame
    const { not, allOf, anyOf, oneOf } = schema
    if (isSchema(not) && this.#same(frame, not) === undefined) failures.push(failure(path, "'not' failed"))
    if (Array.isArray(allOf)) {
      const causes = allOf.map((item) => this.#same(frame, item)).filter((item) => item !== undefined)
      if (causes.length > 0) failures.push(failure(path, "'allOf' failed", causes))
    }
    if (Array.isArray(anyOf) && anyOf.length > 0) {
      const results = anyOf.map((item) => this.#same(frame, item))
      const causes = results.filter((item) => item !== undefined)
      if (causes.length === results.length) failures.push(failure(path, "'anyOf' failed", causes))
    }
    if (Array.isArray(oneOf) && oneOf.length > 0) push(failures, this.#oneOf(frame, oneOf))
    if (resource.draft >= 7 && isSchema(schema['if'])) {
      const branch = this.#same(frame, schema['if']) === undefined ? schema['then'] : schema['else']
      push(failures, this.#same(frame, branch))
    }
  }

  #oneOf(frame: Frame, schemas: readonly unknown[]): Failure | undefined {
    const causes: Failure[] = []
    let matched = -1
    for (const [index, schema] of schemas.entries()) {
      const wrong = this.#same(frame, schema)
      if (wrong !== undefined) causes.push(wrong)
      else if (matched >= 0) return failure(frame.path, `'oneOf' failed, subschemas ${matched}, ${index} matched`)
      else matched = index
    }
    return matched < 0 ? failure(frame.path, "'oneOf' failed, none matched", causes) : undefined
  }

  #unevaluated(frame: Frame): void {
    const { unevaluatedProperties, unevaluatedItems } = frame.schema
    if (frame.value instanceof Map && isSchema(unevaluatedProperties)) {
      for (const [key, item] of frame.value) {
        if (frame.seen.properties.has(key)) continue
        push(frame.failures, this.#below(frame, unevaluatedProperties, item, key))
        frame.seen.properties.add(key)
      }
    }
    if (Array.isArray(frame.value) && isSchema(unevaluatedItems)) {
      for (const [index, item] of frame.value.entries()) {
        if (frame.seen.items.has(index)) continue
        push(frame.failures, this.#below(frame, unevaluatedItems, item, String(index)))
        frame.seen.items.add(index)
      }
    }
  }
}

function missingOf(value: GoMap, names: unknown): string[] {
  return Array.isArray(names)
    ? names.filter((name): name is string => typeof name === 'string' && !value.has(name))
    : []
}

function grouped(failures: readonly Failure[], path: readonly string[]): Failure | undefined {
  return failures.length > 1 ? { kind: 'group', path, message: 'validation failed', causes: failures } : failures[0]
}

function push(failures: Failure[], wrong: Failure | undefined): void {
  if (wrong !== undefined) failures.push(wrong)
}

function isCircular(scope: Scope): boolean {
  for (let at = scope.parent; at !== undefined && at.value === scope.value; at = at.parent)
    if (at.schema === scope.schema) return true
  return false
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'boolean' || isSchemaObject(value)
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number'
}
