import { useTexts } from '../../texts/texts.tsx'

const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** Formats a number of seconds in the largest unit that suits: `3 hours`. */
export function useDuration(): (seconds: number) => string {
  const { durations } = useTexts().operator
  return (seconds) => {
    if (seconds < 2 * minute) return durations.seconds(Math.round(seconds))
    if (seconds < 2 * hour) return durations.minutes(Math.round(seconds / minute))
    if (seconds < 2 * day) return durations.hours(Math.round(seconds / hour))
    return durations.days(Math.round(seconds / day))
  }
}
