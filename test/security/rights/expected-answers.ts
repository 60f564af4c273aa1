import type { RightName } from '../../../src/people/rights.ts'
import { keysOnPublicRoutes, noKeys, operatingKeys, reviewingKeys } from './keys-that-ask.ts'
import { outsidersHear, reviewersHear, shutOut, unknown } from './groups-of-people.ts'
import {
  everyMemberReads,
  confidential,
  everyMemberHandsIn,
  hidden,
  handsInConfidential,
  everyMemberDiscardsTheirOwn,
  administratorsChange,
  reviewing,
  firmAdminsChange,
  type Row,
} from './common-rows.ts'

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

/** Rights with other answers for a confidential document are listed twice. */
type RowName =
  | RightName
  | `${RightOnDocument}, confidential`
  | 'public'
  | 'signed_in'
  | 'signed_in, documents:read'
  | 'administrator, operations:read'
  | 'registered_user'
  | 'enrolling'
  | 'own_password'
  | 'own_email'
  | 'self_or_administrator'
  | 'administrator'
  | 'reviewer, review'

const firmAdminsRead: Row = {
  ...firmAdminsChange,
  'an administrator': 'ok',
  'a firm_admin of a locked firm': 'ok',
  'an administrator in a locked firm': 'ok',
  'an administrator of the personnel': 'ok',
  'a super_admin of the personnel': 'ok',
}

/** The contract's table of rights, as the answers for each kind of person. */
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
  'uploads.terminate': everyMemberHandsIn,
  'documents.add_version': everyMemberHandsIn,
  'documents.add_version, confidential': handsInConfidential,
  'documents.restore_version': everyMemberHandsIn,
  'documents.restore_version, confidential': handsInConfidential,
  'documents.delete': everyMemberDiscardsTheirOwn,
  'documents.delete, confidential': { ...everyMemberDiscardsTheirOwn, ...hidden },
  'documents.restore': everyMemberDiscardsTheirOwn,
  'documents.restore, confidential': { ...everyMemberDiscardsTheirOwn, ...hidden },
  'documents.review': reviewing,
  'documents.review, confidential': reviewing,
  'documents.export': { ...firmAdminsRead, 'a key that reads': 'ok' },
  'documents.hold': administratorsChange,
  'documents.hold, confidential': administratorsChange,
  'firm.checklist': everyMemberReads,
  'firm.read': everyMemberReads,
  'firm.change': administratorsChange,
  'applications.submit': firmAdminsChange,
  'applications.read': everyMemberReads,
  'applications.review': {
    ...administratorsChange,
    'an administrator who is its firm_admin': 'forbidden',
    'a reviewer whom the firm suspended': 'forbidden',
  },
  'members.list': firmAdminsRead,
  'api_keys.create': {
    ...unknown,
    ...noKeys,
    ...shutOut,
    ...outsidersHear('not_a_member'),
    ...reviewersHear('forbidden'),
    'a reviewer who is a field_staff of the firm': 'forbidden',
    'a firm_admin': 'ok',
    'a firm_supervisor': 'forbidden',
    'a firm_user': 'forbidden',
    'a field_staff': 'forbidden',
    'the uploader': 'forbidden',
    'an administrator': 'ok',
    'an administrator who is its firm_admin': 'ok',
    'a firm_admin of a locked firm': 'firm_locked',
    'a field_staff of a locked firm': 'forbidden',
    'an administrator in a locked firm': 'ok',
    'an administrator of the personnel': 'ok',
    'a super_admin of the personnel': 'ok',
  },
  // The firm of the table has a firm_admin.
  'members.invite': firmAdminsChange,
  'members.change': firmAdminsChange,
  'calendar.change': firmAdminsChange,
  'members.leave': { ...everyMemberHandsIn, ...noKeys, 'an administrator who is its firm_admin': 'ok' },
  'invitations.list': firmAdminsRead,
  signed_in: {
    ...everyMemberReads,
    ...outsidersHear('ok'),
    ...noKeys,
  },
  'signed_in, documents:read': {
    ...everyMemberReads,
    ...outsidersHear('ok'),
    'a key of another firm': 'ok',
  },
  registered_user: {
    ...everyMemberReads,
    ...outsidersHear('ok'),
    ...noKeys,
    'a firm_supervisor of the personnel': 'forbidden',
    'an administrator of the personnel': 'forbidden',
    'a super_admin of the personnel': 'forbidden',
  },
  enrolling: {
    ...everyMemberReads,
    ...outsidersHear('ok'),
    ...noKeys,
    'a firm_admin who must set up a second factor': 'ok',
    'a firm_supervisor of the personnel': 'forbidden',
    'an administrator of the personnel': 'forbidden',
    'a super_admin of the personnel': 'forbidden',
  },
  own_password: {
    ...everyMemberReads,
    ...outsidersHear('ok'),
    ...noKeys,
    'a firm_admin who must change a generated password': 'ok',
    'a firm_supervisor of the personnel': 'forbidden',
    'an administrator of the personnel': 'forbidden',
    'a super_admin of the personnel': 'forbidden',
  },
  own_email: {
    ...everyMemberReads,
    ...outsidersHear('ok'),
    ...noKeys,
    'a firm_admin who must set up a second factor': 'ok',
  },
  administrator: { ...administratorsChange, ...outsidersHear('forbidden') },
  'reviewer, review': {
    ...administratorsChange,
    ...reviewingKeys,
    ...outsidersHear('forbidden'),
    ...reviewersHear('ok'),
    'a reviewer who is a field_staff of the firm': 'ok',
    'a reviewer whom the firm suspended': 'ok',
  },
  // Each of them asks about another person.
  self_or_administrator: { ...administratorsChange, ...outsidersHear('forbidden') },
  'administrator, operations:read': {
    ...administratorsChange,
    ...outsidersHear('forbidden'),
    ...operatingKeys,
  },
  public: {
    nobody: 'ok',
    'somebody whose token has expired': 'ok',
    'somebody who sends a refresh token': 'ok',
    'somebody whose account is gone': 'ok',
    'a firm_admin whose session was ended': 'ok',
    ...keysOnPublicRoutes,
    'a firm_admin whose password the platform changed': 'ok',
    'a firm_admin who must set up a second factor': 'ok',
    'a firm_admin who must change a generated password': 'ok',
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
    ...reviewersHear('ok'),
    'a reviewer who is a field_staff of the firm': 'ok',
    'a reviewer whom the firm suspended': 'ok',
    'a locked reviewer': 'ok',
    'an administrator of the personnel who left': 'ok',
    'an administrator whose personnel row is locked': 'ok',
    'a locked firm_admin whose personnel row is an administrator’s': 'ok',
  },
}
