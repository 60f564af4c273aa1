import type { ErrorCode } from '../../../src/errors/app-error.ts'
import type { RightName } from '../../../src/people/rights.ts'
import type { KindOfPerson } from './people-who-ask.ts'

export type ExpectedAnswer = 'ok' | ErrorCode

type RightOnDocument = Extract<
  RightName,
  | 'documents.read'
  | 'documents.download'
  | 'documents.history'
  | 'documents.versions'
  | 'documents.add_version'
  | 'documents.restore_version'
  | 'documents.delete'
  | 'documents.restore'
  | 'documents.review'
  | 'documents.hold'
>

type Row = Record<KindOfPerson, ExpectedAnswer>
/** Rights that a confidential document answers otherwise stand twice. */
type RowName =
  | RightName
  | `${RightOnDocument}, confidential`
  | 'public'
  | 'signed_in'
  | 'registered_user'
  | 'administrator'

const unknown = {
  nobody: 'unauthenticated',
  'somebody whose token has expired': 'unauthenticated',
  'somebody who sends a refresh token': 'unauthenticated',
  'somebody whose account is gone': 'unauthenticated',
} as const

const shutOut = {
  'a locked firm_admin': 'forbidden',
  'a suspended firm_admin': 'forbidden',
  'a locked administrator': 'forbidden',
  'a locked administrator of the personnel': 'forbidden',
  'an administrator of the personnel who left': 'forbidden',
  'an administrator whose personnel row is locked': 'forbidden',
  'a locked firm_admin whose personnel row is an administrator’s': 'forbidden',
} as const

/** One answer for all who have no place in the firm, and are no administrators. */
const outsidersHear = <Answer extends ExpectedAnswer>(answer: Answer) => ({
  'a stranger': answer,
  'a stranger whose token claims everything': answer,
  'a pending member': answer,
  'a suspended member': answer,
  'a firm_admin of another firm': answer,
  'a firm_supervisor of the personnel': answer,
})

const outsiders = outsidersHear('not_a_member')

const everyMemberReads: Row = {
  ...unknown,
  ...shutOut,
  ...outsiders,
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

const confidential: Row = {
  ...everyMemberReads,
  'a firm_user': 'not_found',
  'a field_staff': 'not_found',
  'a field_staff of a locked firm': 'not_found',
}

const everyMemberHandsIn: Row = {
  ...everyMemberReads,
  'an administrator': 'forbidden',
  'an administrator who is its firm_admin': 'forbidden',
  'a firm_admin of a locked firm': 'firm_locked',
  'a field_staff of a locked firm': 'firm_locked',
  'an administrator in a locked firm': 'forbidden',
  'an administrator of the personnel': 'forbidden',
  'a super_admin of the personnel': 'forbidden',
}

const hidden = { 'a firm_user': 'not_found', 'a field_staff': 'not_found' } as const

const handsInConfidential: Row = { ...everyMemberHandsIn, ...hidden }

const everyMemberDiscardsTheirOwn: Row = {
  ...everyMemberHandsIn,
  'a firm_user': 'forbidden',
  'a field_staff': 'forbidden',
  'an administrator who is its firm_admin': 'ok',
}

const administratorsChange: Row = {
  ...unknown,
  ...shutOut,
  ...outsiders,
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

/** The contract's table of who may do what, as the answers that each kind of person gets. */
export const expectedAnswers: Record<RowName, Row> = {
  'documents.list': everyMemberReads,
  'documents.read': everyMemberReads,
  'documents.read, confidential': confidential,
  'documents.download': everyMemberReads,
  'documents.download, confidential': confidential,
  'documents.history': everyMemberReads,
  'documents.history, confidential': confidential,
  'documents.versions': everyMemberReads,
  'documents.versions, confidential': confidential,
  'documents.upload': everyMemberHandsIn,
  'documents.add_version': everyMemberHandsIn,
  'documents.add_version, confidential': handsInConfidential,
  'documents.restore_version': everyMemberHandsIn,
  'documents.restore_version, confidential': handsInConfidential,
  'documents.delete': everyMemberDiscardsTheirOwn,
  'documents.delete, confidential': { ...everyMemberDiscardsTheirOwn, ...hidden },
  'documents.restore': everyMemberDiscardsTheirOwn,
  'documents.restore, confidential': { ...everyMemberDiscardsTheirOwn, ...hidden },
  'documents.review': administratorsChange,
  'documents.review, confidential': administratorsChange,
  'documents.hold': administratorsChange,
  'documents.hold, confidential': administratorsChange,
  'firm.read': everyMemberReads,
  'firm.change': administratorsChange,
  'members.list': {
    ...unknown,
    ...shutOut,
    ...outsiders,
    'a firm_admin': 'ok',
    'a firm_supervisor': 'forbidden',
    'a firm_user': 'forbidden',
    'a field_staff': 'forbidden',
    'the uploader': 'forbidden',
    'an administrator': 'ok',
    'an administrator who is its firm_admin': 'ok',
    'a firm_admin of a locked firm': 'ok',
    'a field_staff of a locked firm': 'forbidden',
    'an administrator in a locked firm': 'ok',
    'an administrator of the personnel': 'ok',
    'a super_admin of the personnel': 'ok',
  },
  'members.change': {
    ...unknown,
    ...shutOut,
    ...outsiders,
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
  },
  signed_in: {
    ...everyMemberReads,
    ...outsidersHear('ok'),
  },
  registered_user: {
    ...everyMemberReads,
    ...outsidersHear('ok'),
    'a firm_supervisor of the personnel': 'forbidden',
    'an administrator of the personnel': 'forbidden',
    'a super_admin of the personnel': 'forbidden',
  },
  administrator: { ...administratorsChange, ...outsidersHear('forbidden') },
  public: {
    nobody: 'ok',
    'somebody whose token has expired': 'ok',
    'somebody who sends a refresh token': 'ok',
    'somebody whose account is gone': 'ok',
    'a stranger': 'ok',
    'a stranger whose token claims everything': 'ok',
    'a pending member': 'ok',
    'a suspended member': 'ok',
    'a firm_admin of another firm': 'ok',
    'a locked firm_admin': 'ok',
    'a suspended firm_admin': 'ok',
    'a firm_admin': 'ok',
    'a firm_supervisor': 'ok',
    'a firm_user': 'ok',
    'a field_staff': 'ok',
    'the uploader': 'ok',
    'an administrator': 'ok',
    'an administrator who is its firm_admin': 'ok',
    'a locked administrator': 'ok',
    'a firm_admin of a locked firm': 'ok',
    'a field_staff of a locked firm': 'ok',
    'an administrator in a locked firm': 'ok',
    'an administrator of the personnel': 'ok',
    'a super_admin of the personnel': 'ok',
    'a firm_supervisor of the personnel': 'ok',
    'a locked administrator of the personnel': 'ok',
    'an administrator of the personnel who left': 'ok',
    'an administrator whose personnel row is locked': 'ok',
    'a locked firm_admin whose personnel row is an administrator’s': 'ok',
  },
}
