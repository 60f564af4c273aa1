/** Waits for all, also after a failure, so that nothing continues in the background. Then throws the first failure. */
export async function settleAll(work: Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((outcome) => outcome.status === 'rejected')
  // Thrown unchanged.
  if (failed !== undefined) throw failed.reason as Error
}
