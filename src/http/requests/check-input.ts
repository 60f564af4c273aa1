import type { FastifySchemaCompiler } from 'fastify'
import type { z } from 'zod'

import type { FieldError } from '../../errors/app-error.ts'

/** The input does not match its schema. Fastify adds the part of the request as `validationContext`. */
export class InvalidInput extends Error {
  override readonly name = 'InvalidInput'
  readonly issues: z.core.$ZodIssue[]
  validationContext?: string

  constructor(issues: z.core.$ZodIssue[]) {
    super('the input does not match its schema')
    this.issues = issues
  }
}

/** Limits of the response: a body may have any number of unknown fields with names of any length. */
const maxFields = 50
const maxNameLength = 100

/** Validates input with Zod. Messages of a schema come first, then those below. */
export const checkInput: FastifySchemaCompiler<z.ZodType> =
  ({ schema }) =>
  (data) => {
    const { error, data: value } = schema.safeParse(data, { error: describeIssue })
    return error === undefined ? { value } : { error: new InvalidInput(missingFields(schema, data) ?? error.issues) }
  }

/** Of an absent body, the fields that it must have say more than that it is absent. */
function missingFields(schema: z.ZodType, data: unknown): z.core.$ZodIssue[] | undefined {
  return data === null || data === undefined ? schema.safeParse({}, { error: describeIssue }).error?.issues : undefined
}

/** The first error of each field, including unknown fields. */
export function fieldsOf({ issues, validationContext = 'body' }: InvalidInput): FieldError[] {
  const fields = issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => ({ field: nameOf([...issue.path, key]), message: issue.message }))
      : [{ field: nameOf(issue.path), message: issue.message }],
  )
  const firstByField = new Map(fields.toReversed().map((field) => [field.field, field]))
  return fields
    .filter((field) => firstByField.get(field.field) === field)
    .slice(0, maxFields)
    .map(({ field, message }) => ({ field: field || validationContext, message }))
}

function nameOf(path: PropertyKey[]): string {
  return path.map(String).join('.').slice(0, maxNameLength)
}

type Issue = z.core.$ZodRawIssue

/** Describes an issue in words that follow the name of the field; Zod's own messages are for programmers. */
function describeIssue(issue: Issue): string | undefined {
  const isMissing = issue.input === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_value')
  return isMissing ? 'is missing' : messageFor(issue.code)?.(issue)
}

type Messages = { [Code in Issue['code']]?: (issue: Extract<Issue, { code: Code }>) => string }

const messages: Messages = {
  invalid_type: ({ expected }) => `must be ${kinds[expected] ?? expected}`,
  invalid_value: ({ values }) => `must be ${anyOf(values.map(String))}`,
  too_small: describeTooSmall,
  too_big: describeTooBig,
  invalid_format: ({ format }) => forms[format] ?? 'has a wrong format',
  unrecognized_keys: () => 'is unknown',
}

function messageFor(code: Issue['code']): ((issue: Issue) => string) | undefined {
  // The entry of a code describes the issues of that code, which the compiler cannot see.
  return messages[code] as ((issue: Issue) => string) | undefined
}

const kinds: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with fields',
}

const forms: Record<string, string> = {
  guid: 'must be a UUID',
  uuid: 'must be a UUID',
  email: 'must be an e-mail address',
  date: 'must be a date such as 2026-11-24',
  datetime: 'must be a time such as 2026-11-24T08:30:00Z',
}

function describeTooSmall({ origin, minimum, inclusive }: Extract<Issue, { code: 'too_small' }>): string {
  if (origin === 'string') return minimum === 1 ? 'must not be empty' : `must be at least ${minimum} characters`
  if (origin === 'array') return minimum === 1 ? 'must not be empty' : `must have at least ${minimum} entries`
  return inclusive === false ? `must be more than ${minimum}` : `must be at least ${minimum}`
}

function describeTooBig({ origin, maximum, inclusive }: Extract<Issue, { code: 'too_big' }>): string {
  if (origin === 'string') return `must be at most ${maximum} characters`
  if (origin === 'array') return `must have at most ${maximum} entries`
  return inclusive === false ? `must be less than ${maximum}` : `must be at most ${maximum}`
}

function anyOf(values: string[]): string {
  const last = values.at(-1) ?? ''
  return values.length < 2 ? last : `${values.slice(0, -1).join(', ')} or ${last}`
}
