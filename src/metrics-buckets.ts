/** Upper bounds in seconds for whatever a person waits for: from a row in memory to a client's patience. */
export const answerSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
