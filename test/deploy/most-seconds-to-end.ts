import { defaultStopTimes } from '../../src/http/connection/stop-serving.ts'

const { cutMs } = defaultStopTimes
const waits = Object.values(defaultStopTimes).reduce((sum, each) => sum + each, 0)

/** As long as the service takes to end when everything that it waits for lasts; the last cut is waited for again. */
export const maxSecondsToEnd = (waits + cutMs) / 1000
