import type { z } from 'zod'
import type { FunctionDeps } from '../deps.ts'

/** One thing that the API answers. Routing, validation and the OpenAPI document are made of it. */
export interface Route {
  /** As OpenAPI writes it: `/api/runs/{id}`. */
  readonly path: string
  /** Name of the operation. */
  readonly id: string
  readonly summary: string
  /** Everybody may ask, where the configuration shows something to everybody. */
  readonly isPublic?: boolean
  readonly parameters: z.ZodObject
  readonly query: z.ZodObject
  readonly answer: z.ZodType
  /** Codes of errors besides those that every route has. */
  readonly errors: readonly string[]
  readonly handle: (deps: FunctionDeps, given: { readonly path: object; readonly query: object }) => Promise<unknown>
}

/** A route whose handler gets what its schemas say. */
export function route<P extends z.ZodObject, Q extends z.ZodObject, A extends z.ZodType>(options: {
  readonly path: string
  readonly id: string
  readonly summary: string
  readonly isPublic?: boolean
  readonly parameters: P
  readonly query: Q
  readonly answer: A
  readonly errors?: readonly string[]
  readonly handle: (
    deps: FunctionDeps,
    given: { readonly path: z.infer<P>; readonly query: z.infer<Q> },
  ) => Promise<z.infer<A>>
}): Route {
  const { parameters, errors = [], handle, ...rest } = options
  return {
    ...rest,
    parameters,
    errors,
    handle: (deps, given) => handle(deps, given as { readonly path: z.infer<P>; readonly query: z.infer<Q> }),
  }
}
