import { defaultStopTimes } from '../../src/http/connection/stop-serving.ts'

const { cutMs } = defaultStopTimes
const waits = Object.values(defaultStopTimes).reduce((sum, each) => sum + each, 0)

/** The longest shutdown: the sum of all its time limits, with the last one twice. */
export const maxSecondsToEnd = (waits + cutMs) / 1000
