/** The code that the system, Node or PostgreSQL gave an error, such as `ENOENT` or `23505`. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return undefined
  return unnamedByNode.get(error.code) ?? error.code
}

/** What Node has no name for, and writes as a sentence. */
const unnamedByNode = new Map([['Unknown system error -122', 'EDQUOT']])

/** Whether an error carries one of these codes. */
export function hasCode(error: unknown, ...codes: string[]): boolean {
  const code = codeOf(error)
  return code !== undefined && codes.includes(code)
}
