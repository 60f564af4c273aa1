import { noKeys, readingKeys, reviewingKeys, writingKeys } from './keys-that-ask.ts'
import { type ExpectedAnswer, outsidersHear, reviewersHear, shutOut, unknown } from './groups-of-people.ts'
import type { KindOfPerson } from './people-who-ask.ts'

/** The answers of several rights, for each kind of person. */

export type Row = Record<KindOfPerson, ExpectedAnswer>

const outsiders = outsidersHear('not_a_member')

export const everyMemberReads: Row = {
  ...unknown,
  ...readingKeys,
  ...shutOut,
  ...outsiders,
  ...reviewersHear('ok'),
  'a reviewer who is a field_staff of the firm': 'ok',
  'a firm_admin': 'ok',
  'a firm_supervisor': 'ok',
  'a firm_user': 'ok',
  'a field_staff': 'ok',
  'the uploader': 'ok',
  'an administrator': 'ok',
  'an administrator who is its firm_admin': 'ok',
  'a firm_admin of a locked firm': 'ok',
  'a field_staff of a locked firm': 'ok',
  'an administrator in a locked firm': 'ok',
  'an administrator of the personnel': 'ok',
  'a super_admin of the personnel': 'ok',
}

export const confidential: Row = {
  ...everyMemberReads,
  'a reviewer who is a field_staff of the firm': 'not_found',
  'a firm_user': 'not_found',
  'a field_staff': 'not_found',
  'a field_staff of a locked firm': 'not_found',
}

export const everyMemberHandsIn: Row = {
  ...everyMemberReads,
  ...writingKeys,
  ...reviewersHear('forbidden'),
  'an administrator': 'forbidden',
  'an administrator who is its firm_admin': 'forbidden',
  'a firm_admin of a locked firm': 'firm_locked',
  'a field_staff of a locked firm': 'firm_locked',
  'an administrator in a locked firm': 'forbidden',
  'an administrator of the personnel': 'forbidden',
  'a super_admin of the personnel': 'forbidden',
}

export const hidden = {
  'a firm_user': 'not_found',
  'a field_staff': 'not_found',
  'a reviewer who is a field_staff of the firm': 'not_found',
} as const

export const handsInConfidential: Row = { ...everyMemberHandsIn, ...hidden }

export const everyMemberDiscardsTheirOwn: Row = {
  ...everyMemberHandsIn,
  'a firm_user': 'forbidden',
  'a field_staff': 'forbidden',
  'a reviewer who is a field_staff of the firm': 'forbidden',
  'an administrator who is its firm_admin': 'ok',
}

export const administratorsChange: Row = {
  ...unknown,
  ...noKeys,
  ...shutOut,
  ...outsiders,
  ...reviewersHear('forbidden'),
  'a reviewer who is a field_staff of the firm': 'forbidden',
  'a firm_admin': 'forbidden',
  'a firm_supervisor': 'forbidden',
  'a firm_user': 'forbidden',
  'a field_staff': 'forbidden',
  'the uploader': 'forbidden',
  'an administrator': 'ok',
  'an administrator who is its firm_admin': 'ok',
  'a firm_admin of a locked firm': 'forbidden',
  'a field_staff of a locked firm': 'forbidden',
  'an administrator in a locked firm': 'ok',
  'an administrator of the personnel': 'ok',
  'a super_admin of the personnel': 'ok',
}

export const reviewing: Row = {
  ...administratorsChange,
  ...reviewingKeys,
  ...reviewersHear('ok'),
  'a reviewer whom the firm suspended': 'forbidden',
  'an administrator who is its firm_admin': 'forbidden',
}

export const firmAdminsChange: Row = {
  ...unknown,
  ...noKeys,
  ...shutOut,
  ...outsiders,
  ...reviewersHear('forbidden'),
  'a reviewer who is a field_staff of the firm': 'forbidden',
  'a firm_admin': 'ok',
  'a firm_supervisor': 'forbidden',
  'a firm_user': 'forbidden',
  'a field_staff': 'forbidden',
  'the uploader': 'forbidden',
  'an administrator': 'forbidden',
  'an administrator who is its firm_admin': 'ok',
  'a firm_admin of a locked firm': 'firm_locked',
  'a field_staff of a locked firm': 'forbidden',
  'an administrator in a locked firm': 'forbidden',
  'an administrator of the personnel': 'forbidden',
  'a super_admin of the personnel': 'forbidden',
}
