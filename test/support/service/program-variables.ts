/** What a program that a test starts gets of our own environment: where programs are, and what Node compiled before. */
export function programVariables(): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env
  return { PATH, ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }) }
}
