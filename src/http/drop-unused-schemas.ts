/** Takes out of an OpenAPI document the named schemas that nothing in it refers to: each is written once for what comes in and once for what goes out. */
export function dropUnusedSchemas<Document extends object>(document: Document): Document {
  const { schemas, ...others } = componentsOf(document)
  const without = JSON.stringify({ ...document, components: undefined })
  const used = new Set(namesIn(without))
  // A set goes on to what is added while it is walked.
  for (const name of used) for (const inner of namesIn(JSON.stringify(schemas[name] ?? null))) used.add(inner)

  return {
    ...document,
    components: {
      ...others,
      schemas: Object.fromEntries(Object.entries(schemas).filter(([name]) => used.has(name))),
    },
  }
}

/** By OpenAPI's own rule; what is not there is empty. */
function componentsOf(document: { components?: { schemas?: Record<string, unknown> } }) {
  return { ...document.components, schemas: document.components?.schemas ?? {} }
}

function namesIn(text: string): string[] {
  return [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].flatMap(([, name]) => name ?? [])
}
