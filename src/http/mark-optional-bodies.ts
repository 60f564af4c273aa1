type Media = { schema?: { anyOf?: { type?: unknown }[] } }
type Body = { required?: boolean; content?: Record<string, Media> }
type Document = { paths?: Record<string, unknown> }

/** Says of a body which may be null that it may be left out too; the plugin that makes the document calls all required. */
export function markOptionalBodies<Described extends Document>(document: Described): Described {
  for (const methods of Object.values(document.paths ?? {}))
    // A path's entries are operations: no route of ours says anything for a whole path.
    for (const { requestBody } of Object.values(methods as Record<string, { requestBody?: Body }>))
      if (requestBody !== undefined && mayBeNull(requestBody)) requestBody.required = false
  return document
}

function mayBeNull({ content = {} }: Body): boolean {
  return Object.values(content).some(({ schema }) => schema?.anyOf?.some(({ type }) => type === 'null') === true)
}
