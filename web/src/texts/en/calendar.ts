/** The link with which a calendar program shows when documents expire. */
export const calendarTexts = {
  calendar: {
    title: 'Expiry dates in your calendar',
    help: 'Your calendar program can show the last day of each accepted document, such as “Tax clearance: valid until today”. It updates by itself: a renewed document moves to its new day.',
    whoMayHaveIt:
      'Everybody who has the link can read the names of the document types and their last days, without signing in: no files, no file names. Give it only to people of your firm.',
    make: 'Create the calendar link',
    madeTitle: 'The calendar link is ready',
    madeHelp:
      'Copy it now: it is shown only this once. In your calendar program choose “Subscribe to a calendar” or “From URL”, and paste it.',
    copy: 'Copy the link',
    done: 'Done',
    madeByYou: (date: string) => `The firm has a link. You made it on ${date}.`,
    madeByOther: (date: string) => `The firm has a link. Another administrator made it on ${date}.`,
    again: 'Create a new link',
    againQuestion: 'The present link stops working at once, in every calendar that has it.',
    end: 'End the link',
    endQuestion: 'Calendars that have the link stop showing the dates.',
    ended: 'The calendar link has ended.',
  },
}
