import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'

import type { FieldError } from '../errors.ts'
import { wordIssue } from './word-issue.ts'

/** What arrived does not fit its schema. Fastify adds in which part of the request it stood. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput'
  readonly issues: z.core.$ZodIssue[]
  validationContext?: string

  constructor(issues: z.core.$ZodIssue[]) {
    super('what arrived does not fit its schema')
    this.issues = issues
  }
}

/** A body may have as many unknown fields as it likes; the answer shows some, and not at any length. */
const mostFields = 50
const longestName = 100

/** Checks what arrives by Zod, in words of our own where a schema has none. */
export const checkInput: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data) => {
    const parsed = schema.safeParse(data, { error: wordIssue })
    return parsed.success ? { value: parsed.data } : { error: new InvalidInput(parsed.error.issues) }
  }

/** What is wrong, field by field, the first word on each; a field that nobody knows is a field too. */
export function fieldsOf({ issues, validationContext = 'body' }: InvalidInput): FieldError[] {
  const fields = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ field: nameOf([...issue.path, key]), message: issue.message }))
      : [{ field: nameOf(issue.path), message: issue.message }],
  )
  const firstByField = new Map(fields.toReversed().map((field) => [field.field, field]))
  return fields
    .filter((field) => firstByField.get(field.field) === field)
    .slice(0, mostFields)
    .map(({ field, message }) => ({ field: field || validationContext, message }))
}

function nameOf(path: PropertyKey[]): string {
  return path.map(String).join('.').slice(0, longestName)
}
