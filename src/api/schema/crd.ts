import type { PrinterColumn, ResourceDefinition, ResourceVersion } from './definitions.ts'
import type { SchemaNode, SchemaRule } from './node.ts'

type Tree = { readonly [key: string]: unknown }

/** The CustomResourceDefinition of a kind, as plain data. */
export function composeCrd(definition: ResourceDefinition): Tree {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${definition.plural}.${definition.group}`,
      labels: { 'app.kubernetes.io/component': 'crds', 'app.kubernetes.io/part-of': 'sluice' },
      // Substitution of variables must not touch the descriptions.
      annotations: { 'kustomize.toolkit.fluxcd.io/substitute': 'disabled' },
    },
    spec: {
      group: definition.group,
      names: {
        kind: definition.kind,
        listKind: `${definition.kind}List`,
        plural: definition.plural,
        singular: definition.kind.toLowerCase(),
        categories: definition.categories,
        ...(definition.shortNames.length === 0 ? {} : { shortNames: definition.shortNames }),
      },
      scope: 'Namespaced',
      versions: definition.versions.map((version) => composeVersion(definition, version)),
    },
  }
}

function composeVersion(definition: ResourceDefinition, version: ResourceVersion): Tree {
  return {
    name: version.name,
    served: true,
    storage: version.storage,
    ...(version.deprecation === undefined ? {} : { deprecated: true, deprecationWarning: version.deprecation }),
    additionalPrinterColumns: version.columns.map((column: PrinterColumn) => ({ ...column })),
    ...(version.status === undefined ? {} : { subresources: { status: {} } }),
    schema: {
      openAPIV3Schema: {
        description: definition.description,
        type: 'object',
        properties: {
          apiVersion: { description: 'Group and version of the schema.', type: 'string' },
          kind: { description: 'Kind of the object.', type: 'string' },
          metadata: { type: 'object' },
          spec: composeSchema(version.spec),
          ...(version.status === undefined ? {} : { status: composeSchema(version.status) }),
        },
        ...composeRules(version.rules),
      },
    },
  }
}

/** A schema as a structural OpenAPI schema. */
export function composeSchema(node: SchemaNode): Tree {
  const { description, type, format, pattern, enum: values, minLength, maxLength, minItems, minimum } = node
  const required = Object.entries(node.properties ?? {}).filter(([, property]) => property.optional !== true)
  const fields: Tree = {
    description: description === '' ? undefined : description,
    type,
    format,
    pattern,
    enum: values,
    minLength,
    maxLength,
    minItems,
    minimum,
    default: node.default,
    items: node.items === undefined ? undefined : composeSchema(node.items),
    properties: node.properties === undefined ? undefined : composeProperties(node.properties),
    required: required.length === 0 ? undefined : required.map(([name]) => name),
    additionalProperties: node.values === undefined ? undefined : composeSchema(node.values),
    'x-kubernetes-preserve-unknown-fields': type === undefined ? true : undefined,
    'x-kubernetes-list-type': node.listMapKeys === undefined ? undefined : 'map',
    'x-kubernetes-list-map-keys': node.listMapKeys,
    ...composeRules(node.rules),
  }
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}

function composeProperties(properties: { readonly [name: string]: SchemaNode }): Tree {
  return Object.fromEntries(Object.entries(properties).map(([name, node]) => [name, composeSchema(node)]))
}

function composeRules(rules: readonly SchemaRule[] | undefined): Tree {
  if (rules === undefined || rules.length === 0) return {}
  return { 'x-kubernetes-validations': rules.map(({ rule, message }) => ({ rule, message })) }
}
