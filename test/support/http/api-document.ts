import type { ProblemBody } from '../documents/call-documents.ts'

type Content = Record<string, { schema?: Schema; examples?: Record<string, { value: ProblemBody }> }>
export type Schema = {
  $ref?: string
  example?: unknown
  type?: unknown
  properties?: Record<string, Schema>
  required?: string[]
}
export type Operation = {
  summary?: string
  tags?: string[]
  security: object[]
  requestBody?: { required?: boolean; content: Content }
  responses: Record<string, { description: string; content?: Content }>
}
export type ApiDocument = {
  openapi: string
  servers: { url: string }[]
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema>; securitySchemes: object }
}

export async function readApiDocument(url: string): Promise<ApiDocument> {
  const response = await fetch(`${url}/api/openapi.json`)
  return (await response.json()) as ApiDocument
}

/** `name`: method and address, as `GET /healthz`. */
export type NamedOperation = Operation & { name: string }

export function operationsOf(document: ApiDocument): NamedOperation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) =>
      Object.assign({ name: `${method.toUpperCase()} ${path}` }, operation),
    ),
  )
}
