/** Throws with the words beside the first of these that is so. */
export function refute(...wrongs: [isSo: boolean, words: string][]): void {
  const [, words] = wrongs.find(([isSo]) => isSo) ?? []
  if (words !== undefined) throw new Error(words)
}
