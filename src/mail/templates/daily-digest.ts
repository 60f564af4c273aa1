import type { Letter } from './layout.ts'

/** Messages as they were shown when the mail was queued. `subjects`: of more messages. */
export type DailyDigestFacts = { messages: { subject: string; text: string }[]; subjects: string[] }

/** The one mail of a day to a person who chose so. */
export function dailyDigest({ messages, subjects }: DailyDigestFacts, url: string | undefined): Letter {
  const count = messages.length + subjects.length
  const [first] = messages
  return {
    subject: count === 1 && first !== undefined ? first.subject : `${count} messages of Paniq Documents`,
    paragraphs: [
      ...messages.flatMap(({ subject, text }, index) => [`${index + 1}. ${subject}`, ...text.split('\n\n')]),
      ...(subjects.length === 0 ? [] : ['More messages, which you find in your account:', ...subjects]),
    ],
    link: url === undefined ? undefined : { label: 'Open Paniq Documents', url },
    closing: ['You get this mail once a day, since you chose so. You can choose otherwise in your account.'],
  }
}
