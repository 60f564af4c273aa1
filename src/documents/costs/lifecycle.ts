/** What the bucket's lifecycle does with files, as `s3 setup` gives it. */
export type Lifecycle = {
  /** What was removed goes to STANDARD_IA so many days after; undefined: never. */
  hiddenToIaDays: number | undefined
  /** And is gone so many days after. */
  hiddenGoneDays: number
  /** What is not removed goes to STANDARD_IA so many days after it came; undefined: never. */
  keptToIaDays: number | undefined
  /** Also what is smaller than 128 KB, which S3 leaves where it is unless the bucket says otherwise. */
  movesSmall: boolean
}

/** What is smaller is billed in STANDARD_IA as if it were of this size. */
export const leastBilledBytes = 128 * 1024
/** What lies in STANDARD_IA for fewer days is billed for these. */
export const leastBilledDays = 30
