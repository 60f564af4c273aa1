/** What the service wrote to a person, and the link to it in the head. */
export const messageTexts = {
  messages: {
    title: 'Messages',
    help: 'What the service wrote to you.',
    chooseMails: 'Choose which mails you also get',
    unread: (count: number) => `${count} unread`,
    moreUnread: (count: number) => `more than ${count} unread`,
    arrived: 'A new message has arrived.',
    isUnread: 'Unread',
    mark: 'Mark as read',
    markAll: 'Mark all as read',
    allRead: 'All messages are marked as read.',
    markOne: (subject: string) => `Mark as read: ${subject}`,
    empty: 'No messages yet',
    emptyHelp:
      'Each decision about your documents and applications comes here, reminders before a document expires, and notices about the security of your account. You need not do anything.',
    targets: {
      account: 'Open your account',
      document: 'Open the document',
      checklist: 'Open the checklist of the firm',
      application: 'Open the application',
      invitation: 'See your firms and invitations',
      applications: 'Open the applications',
      webhooks: 'Open the webhooks',
    },
  },
}
