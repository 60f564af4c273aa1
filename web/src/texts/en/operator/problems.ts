/** What an operator may have to do: the first line of a page of the runbook, and its name in `docs/runbook`. */
export const operatorProblems = {
  s3Down: {
    title: 'S3 is down',
    action:
      'Run npm run test:s3-connection on this machine: it names the first failure and its fix. Keep every instance and its disk until no file waits for S3.',
    page: 's3-down',
  },
  uploadsRejected: {
    title: 'Uploads are rejected: S3 is down and there is no fallback',
    action: 'Fix S3. If that takes hours and the disk is persistent, set S3_FALLBACK=local and restart.',
    page: 'uploads-rejected-without-s3',
  },
  diskDown: {
    title: 'The local disk does not answer',
    action:
      'Mount the disk again, or repair its server. Never mount an empty disk in its place while the service runs.',
    page: 'disk-not-answering',
  },
  fallbackRemains: {
    title: 'Files stay on a local disk although S3 answers',
    action:
      'If the instance of that disk is gone, mount the disk anywhere and run ./bin/paniq-docs drain --store PATH.',
    page: 'fallback-files-remain',
  },
  scannerDown: {
    title: 'The virus scanner is down',
    action: 'Start clamd. Never remove CLAMD_URL to end this: unscanned documents would then be served.',
    page: 'scanner-down',
  },
  scannerMissing: {
    title: 'No virus scanner is set up',
    action: 'Documents are served without a scan. Start clamd, set CLAMD_URL and restart the service.',
    page: 'scanner-down',
  },
  scanOverdue: {
    title: 'A scan is overdue',
    action:
      'Look for scan_unread and limits in the log. Raise the limits in clamd.conf, or ask the firm for a file without a password.',
    page: 'scan-overdue',
  },
  jobFailed: {
    title: 'A job failed:',
    action: 'Fix what the error names. Usually the database or S3 was down for too long, and the next run succeeds.',
    page: 'job-failed',
  },
  taskFailed: {
    title: 'A task of a disk failed:',
    action: 'Fix what the error names. The task runs again by itself.',
    page: 'task-failed',
  },
  verificationFailed: {
    title: 'A verification did not finish:',
    action: 'Run ./bin/paniq-docs verify again by hand. It prints the reason.',
    page: 'verification-late',
  },
  jobInterrupted: {
    title: 'A job was interrupted:',
    action: 'Its instance was stopped or died. The next run continues. If this stays, read the log of that instance.',
    page: 'job-failed',
  },
  backupMissing: {
    title: 'No backup was ever made',
    action: 'Run ./bin/paniq-docs backup create PLACE each night. deploy/backup-restore has scripts for it.',
    page: 'backup-late',
  },
  backupIncomplete: {
    title: 'The last backup is incomplete',
    action: 'Run ./bin/paniq-docs backup create again by hand. Its report names the files that are missing.',
    page: 'backup-incomplete',
  },
  backupLate: {
    title: 'The last backup is older than two days',
    action: 'Check that its timer runs. Then run ./bin/paniq-docs backup create by hand: it prints what fails.',
    page: 'backup-late',
  },
  jobLate: {
    title: 'A job is late:',
    action: 'At least one instance must run jobs: start one without --no-jobs, or run ./bin/paniq-docs work.',
    page: 'job-overdue',
  },
  bytesLost: {
    title: 'Documents are missing or corrupt',
    action:
      'Find out what else writes to that store, and stop it. Then run ./bin/paniq-docs verify, which names each document.',
    page: 'missing-or-corrupt',
  },
  findings: {
    title: 'Rows and files differ',
    action: 'Run ./bin/paniq-docs verify, which names each finding, and look it up in the runbook before you repair.',
    page: 'verification-findings',
  },
  mailOff: {
    title: 'No mail server is set up',
    action:
      'Nobody gets invitations, reminders or links for a new password by mail. Set SMTP_URL and PUBLIC_URL, restart, then run ./bin/paniq-docs mail test ADDRESS.',
    page: 'mail-waiting',
  },
  mailWaits: {
    title: 'Mail waits',
    action: 'Run ./bin/paniq-docs mail test ADDRESS and do what it says.',
    page: 'mail-waiting',
  },
  mailRejected: {
    title: 'Mails were given up',
    action:
      'Correct SMTP_URL or MAIL_FROM until ./bin/paniq-docs mail test ADDRESS succeeds. Then send them again under Mails.',
    page: 'mail-rejected',
  },
  webhookDisabled: {
    title: 'A webhook was disabled',
    action: 'Ask the people of the receiver to repair it, send a test under Webhooks, then enable it again.',
    page: 'webhook-disabled',
  },
  webhookWaits: {
    title: 'Events wait for a webhook',
    action:
      'Its receiver fails. Under Webhooks, its deliveries have the answers: give them to the people of the receiver.',
    page: 'webhook-disabled',
  },
  movesOpen: {
    title: 'A move between stores stays open',
    action: 'Run ./bin/paniq-docs drain, or the same migration again: the next move resumes at once.',
    page: 'open-moves',
  },
  uploadsOpen: {
    title: 'Unfinished uploads remain',
    action:
      'The collector removes them within a day. If it does not, look at its last result below. Never delete the rows by hand.',
    page: 'unfinished-uploads',
  },
  removalsLate: {
    title: 'Files are not removed',
    action: 'Check that an instance runs with that disk, and that the key of S3 may delete objects.',
    page: 'overdue-removals',
  },
  platformRows: {
    title: 'Rows of the platform are not followed',
    action:
      'After a first start this is normal. Later, the owner of our tables usually lost a permission: grant it again.',
    page: 'platform-rows-not-followed',
  },
  eventsWithoutMonth: {
    title: 'The audit trail lacks a partition',
    action: 'Check that the job housekeeping runs, and end sessions that keep a transaction open for hours.',
    page: 'audit-partition-missing',
  },
}
