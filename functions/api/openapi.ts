import { z } from 'zod'
import { statusOfCode } from '../http-errors.ts'
import type { Route } from './route.ts'
import * as applicationSchemas from './application-schemas.ts'
import * as plainSchemas from './schemas.ts'

const schemas = { ...plainSchemas, ...applicationSchemas }
/** Codes that every route may answer with. */
const commonErrors = ['request-invalid', 'unauthorized']

type JsonObject = { readonly [key: string]: unknown }

/** The OpenAPI 3.1 document of the routes. */
export function openApiDocument(routes: readonly Route[]): JsonObject {
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: '1',
      description:
        'What Sluice knows of its clusters. Answers come from what runs have saved, and no cluster is asked, except for one object with `live=true`. Times are milliseconds since 1970.',
    },
    security: [{ bearer: [] }],
    paths: Object.fromEntries(routes.map((route) => [route.path, { get: operationOf(route) }])),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: componentSchemas(),
    },
  }
}

/** Every schema under its name, with references among them. */
function componentSchemas(): JsonObject {
  const registry = z.registry<{ id: string }>()
  for (const [name, schema] of Object.entries(schemas)) registry.add(schema, { id: nameOf(name) })
  const made = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, io: 'output' }).schemas
  return Object.fromEntries(Object.entries(made).map(([id, { $schema: _schema, $id: _id, ...schema }]) => [id, schema]))
}

function operationOf(route: Route): JsonObject {
  const statuses = new Map<number, string[]>()
  for (const code of [...commonErrors, ...route.errors]) {
    const status = statusOfCode[code] ?? 500
    statuses.set(status, [...(statuses.get(status) ?? []), code])
  }
  return {
    operationId: route.id,
    summary: route.summary,
    parameters: [...parametersOf(route.parameters, 'path'), ...parametersOf(route.query, 'query')],
    responses: {
      '200': { description: 'the answer', content: json(nameOfAnswer(route)) },
      '304': { description: 'nothing has changed since the answer with the ETag of `If-None-Match`' },
      ...Object.fromEntries(
        [...statuses].map(([status, codes]) => [
          String(status),
          { description: codes.map((code) => `\`${code}\``).join(', '), content: json('Error') },
        ]),
      ),
    },
  }
}

function parametersOf(schema: z.ZodObject, place: 'path' | 'query'): readonly JsonObject[] {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }))
}

function json(schema: string): JsonObject {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } }
}

function nameOfAnswer(route: Route): string {
  const found = Object.entries(schemas).find(([, schema]) => schema === route.answer)?.[0]
  return nameOf(found ?? route.id)
}

function nameOf(schema: string): string {
  return schema.slice(0, 1).toUpperCase() + schema.slice(1)
}
