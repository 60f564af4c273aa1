import { s3FailureOf } from '../s3-errors.ts'

/** Undefined where S3 answers with this code, which says that there is none of what was asked for. */
export async function unless<Answer>(s3Code: string, answer: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await answer
  } catch (error) {
    if (s3FailureOf(error).s3Code === s3Code) return undefined
    throw error
  }
}
