import { z } from 'zod'

import { line, lines, time, uuid } from './documents.ts'

/** Schemas of people, firms and members. */

/**
 * Every e-mail that a client sends has ASCII characters alone and names one mailbox, so that no other form of an address
 * escapes the limits of its mailbox. It is checked before `toLowerCase`, which turns some other letters into ASCII letters.
 */
const email = z
  .string()
  .trim()
  .pipe(z.email('must be an e-mail address').max(255).toLowerCase())
  .meta({ example: 'thandi@bluecrane.example' })
const phone = line(20)
  .regex(/^\+?[0-9][0-9 ()-]{4,}$/, 'must be a phone number such as +27 82 555 0101')
  .meta({ example: '+27 82 555 0101' })
/** The limit of 72 bytes is checked before it is hashed. */
const newPassword = z.string().max(200, 'must be at most 72 bytes').meta({ example: 'correct horse battery' })
const newPasswordRule = 'At least 10 characters, at most 72 bytes, and not easy to guess.'
const linkToken = z.string().max(200).meta({ description: 'The secret of the mailed link.', example: 'nJ4o0…' })
/** To find an account. The platform may have stored an e-mail that fails our format. */
const knownEmail = line(255).meta({ example: 'thandi@bluecrane.example' })

export const registerBody = z
  .strictObject({
    email,
    password: newPassword.meta({ description: newPasswordRule }),
    first_name: line(100).meta({ example: 'Thandi' }),
    last_name: line(100).meta({ example: 'Nkosi' }),
    phone: phone.optional(),
  })
  .meta({ id: 'Registration' })

/** `token`: of the link in a mail. */
export const verifyEmailBody = z.strictObject({ token: linkToken }).meta({ id: 'EmailVerification' })

/** Optional where a login of the last ten minutes is enough. */
export const proofPassword = z.string().min(1).max(1000).optional().meta({
  description: 'Your password: needed when your login is older than 10 minutes.',
  example: 'correct horse battery',
})

export const loginBody = z
  .object({ email: knownEmail, password: z.string().min(1).max(1000).meta({ example: 'correct horse battery' }) })
  .meta({ id: 'Login' })

export const changePasswordBody = z
  .strictObject({
    current_password: z.string().min(1).max(1000).meta({ example: 'correct horse battery' }),
    new_password: newPassword.meta({ description: newPasswordRule }),
  })
  .meta({ id: 'PasswordChange' })

export const forgotPasswordBody = z.strictObject({ email: knownEmail }).meta({ id: 'ForgottenPassword' })

/** `token`: of the link in a mail. */
export const resetPasswordBody = z
  .strictObject({
    token: linkToken,
    new_password: newPassword.meta({ description: newPasswordRule }),
    keep_api_keys: z.boolean().optional().meta({
      description: 'True: API keys that I made stay valid. Only if nobody else knew the old password.',
    }),
  })
  .meta({ id: 'PasswordReset' })

const fromProvider = z.string().max(4000).optional()

/** Of the provider; the OpenID library checks the values. */
export const providerCallbackQuery = z.object({
  code: fromProvider,
  state: fromProvider,
  iss: fromProvider,
  error: fromProvider,
})

export const sessionParams = z.object({ id: uuid })

export const sessionShape = z
  .object({
    id: uuid,
    created_at: time,
    last_used_at: time.meta({ description: 'The last login or refresh.' }),
    ip: z.string(),
    user_agent: z.string(),
    current: z.boolean().meta({ description: 'The session of this request.' }),
  })
  .meta({ id: 'Session' })
export type SessionShape = z.infer<typeof sessionShape>

/** Absent in cookie mode, which uses the cookie. */
export const refreshBody = z.object({ refresh_token: z.string().max(4000).optional() }).nullish()

export const authModeHeader = z.object({
  'x-auth-mode': z.string().optional().meta({
    description: '`cookie`: the refresh token is a cookie; `Origin` must be the same origin.',
  }),
})

export const logoutQuery = z.object({
  all: z.enum(['true', 'false']).default('false').meta({ description: '`true`: ends every session of the person.' }),
})

const tokenFields = {
  access_token: z.string(),
  refresh_token: z.string().optional().meta({ description: 'Absent in cookie mode.' }),
  token_type: z.literal('bearer'),
  expires_in: z.int().meta({ example: 900, description: 'Seconds until the access token expires.' }),
  password_change_required: z.literal(true).optional().meta({
    description:
      'The password was generated, or is a temporary one of an operator. Until it is changed, all other calls are denied.',
  }),
}

export const tokensShape = z.object(tokenFields).meta({ id: 'Tokens' })
export type TokensShape = z.infer<typeof tokensShape>

export const platformRole = z.enum(['reviewer'])

export const accountShape = z
  .object({
    id: uuid,
    email: z.string().meta({ example: 'thandi@bluecrane.example' }),
    phone: z.string().nullable(),
    first_name: z.string().meta({ example: 'Thandi' }),
    last_name: z.string().meta({ example: 'Nkosi' }),
    role: z.string().meta({ example: 'user', description: 'The role on the platform.' }),
    user_type: z.enum(['registered_user', 'firm_personnel']).meta({
      description: 'The kind of person on the platform. Only a registered user can be a member of a firm.',
    }),
    is_administrator: z.boolean().meta({ description: 'An administrator of the platform.' }),
    platform_role: platformRole
      .nullable()
      .meta({ description: 'A `reviewer` reads and reviews documents in every firm.' }),
    is_verified: z.boolean().meta({
      description:
        'The platform has verified the account. It says nothing about the e-mail: see `email_verified` of `GET /auth/me`.',
    }),
    created_at: time.nullable(),
  })
  .meta({ id: 'Account' })
export type AccountShape = z.infer<typeof accountShape>

/** Without tokens where the platform must verify the person first. */
export const registeredShape = z
  .object({ ...z.object(tokenFields).partial().shape, user: accountShape })
  .meta({ id: 'Registered' })

const firmRole = z.enum(['firm_admin', 'firm_supervisor', 'firm_user', 'field_staff'])

export const registerFirmBody = z
  .strictObject({
    name: line(255).meta({ example: 'Blue Crane Security' }),
    registration_number: line(100).meta({ example: '2019/123456/07' }),
    email,
    phone,
    address: lines(2000).meta({ example: '12 Long Street, Cape Town' }),
    province: line(100).meta({ example: 'Western Cape' }),
    country: line(100).default('South Africa'),
    vat_number: line(50).optional().meta({ example: '4123456789' }),
  })
  .meta({ id: 'FirmRegistration' })

export const firmShape = z
  .object({
    id: uuid,
    name: z.string().meta({ example: 'Blue Crane Security' }),
    registration_number: z.string().meta({ example: '2019/123456/07' }),
    email: z.string(),
    phone: z.string(),
    address: z.string(),
    province: z.string(),
    country: z.string(),
    vat_number: z.string().nullable(),
    verification_status: z.string().meta({ example: 'draft' }),
    is_locked: z.boolean(),
    locked_at: time.nullable(),
    hold: z.boolean().meta({ description: 'A legal hold: no data of the firm is destroyed.' }),
    hold_reason: z.string().nullable(),
    created_at: time,
    updated_at: time,
    role: z
      .enum([...firmRole.options, 'administrator', 'reviewer'])
      .meta({ description: 'The role of the caller in this firm.', example: 'firm_admin' }),
  })
  .meta({ id: 'Firm' })
export type FirmShape = z.infer<typeof firmShape>

const quotaFields = {
  bytes: z.int().positive().nullable(),
  documents: z.int().positive().nullable(),
}

/** A firm with its quota and usage. */
export const firmDetailsShape = z
  .object({
    ...firmShape.shape,
    quota: z.object(quotaFields).meta({
      description: 'Maximum of the firm; null: unlimited.',
      example: { bytes: 21474836480, documents: 20000 },
    }),
    usage: z.object({ bytes: z.int(), documents: z.int() }).meta({
      description: 'All versions of all documents, including those in the trash.',
      example: { bytes: 48213877, documents: 61 },
    }),
  })
  .meta({ id: 'WholeFirm' })
export type FirmDetailsShape = z.infer<typeof firmDetailsShape>

export const changeFirmBody = z
  .strictObject({
    is_locked: z.boolean().meta({ description: 'Locked: its documents can be read, but not changed.' }),
    hold: z.boolean().meta({ description: 'A legal hold: no data of the firm is destroyed.' }),
    hold_reason: line(2000).nullable().meta({ description: 'The reason of the hold, which the firm can read.' }),
    quota: z
      .strictObject(quotaFields)
      .partial()
      .refine((quota) => Object.keys(quota).length > 0, 'must name bytes or documents')
      .meta({ description: 'Maximum of the firm; null: the default quota. A missing field stays as it is.' }),
  })
  .partial()
  .refine((change) => Object.keys(change).some((field) => field !== 'hold_reason'), 'must change something')
  .meta({ id: 'FirmChange' })

export const memberParams = z.object({ firm_id: uuid, user_id: uuid })

export const inviteBody = z.strictObject({ email, role: firmRole }).meta({ id: 'NewInvitation' })

export const invitedShape = z.object({ status: z.literal('invited') }).meta({ id: 'Invited' })

export const invitationParams = z.object({ firm_id: uuid, id: uuid })
export const ownInvitationParams = z.object({ id: uuid })
export const invitationTokenParams = z.object({ token: z.string().min(1).max(200) })

const invitationFields = { id: uuid, email: z.string(), role: firmRole, expires_at: time }

export const invitationShape = z.object(invitationFields).meta({ id: 'Invitation' })
export type InvitationShape = z.infer<typeof invitationShape>

export const newInvitationShape = z
  .object({
    ...invitationFields,
    link: z.string().meta({ description: 'For the invited person. It works once and is shown only here.' }),
  })
  .meta({ id: 'CreatedInvitation' })

/** Before the invited person logs in. */
export const invitationOfLinkShape = z
  .object({ firm_name: z.string(), role: firmRole, email: z.string() })
  .meta({ id: 'InvitationOfLink' })

const ownInvitationShape = z
  .object({ id: uuid, firm_id: uuid, firm_name: z.string(), role: firmRole, expires_at: time })
  .meta({ id: 'OwnInvitation' })
export type OwnInvitationShape = z.infer<typeof ownInvitationShape>

export const selfShape = z
  .object({
    ...accountShape.shape,
    email_verified: z.boolean().meta({
      description:
        'False: the person must open the link in the mail, or ask for another with `POST /auth/email/verification`. Always true without a mail server.',
    }),
    second_factors: z.object({
      totp: z.boolean().meta({ description: 'An authenticator app is set up.' }),
      passkeys: z.int().meta({ description: 'Number of passkeys.' }),
      recovery_codes_left: z.int().meta({ description: 'Number of recovery codes that were not used.', example: 10 }),
    }),
    invitations: z.array(ownInvitationShape),
  })
  .meta({ id: 'Self' })
export type SelfShape = z.infer<typeof selfShape>

export const changeMemberBody = z
  .strictObject({ role: firmRole.optional(), status: z.enum(['active', 'suspended']).optional() })
  .refine(({ role, status }) => role !== undefined || status !== undefined, 'must name a role or a status')
  .meta({ id: 'MemberChange' })

export const memberShape = z
  .object({
    user_id: uuid,
    email: z.string(),
    first_name: z.string(),
    last_name: z.string(),
    role: firmRole,
    status: z.enum(['pending', 'active', 'suspended']),
    invited_by: uuid.nullable(),
    accepted_at: time.nullable(),
    created_at: time,
  })
  .meta({ id: 'Member' })
export type MemberShape = z.infer<typeof memberShape>

/** The caller's new membership. */
export const joinedShape = z.object({ firm_id: uuid, ...memberShape.shape }).meta({ id: 'Membership' })
