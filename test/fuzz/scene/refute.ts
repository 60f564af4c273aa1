/** Throws the description of the first condition that is true. */
export function refute(...wrongs: [isSo: boolean, words: string][]): void {
  const [, words] = wrongs.find(([isSo]) => isSo) ?? []
  if (words !== undefined) throw new Error(words)
}
