import { sql } from 'kysely'
import type { Page } from 'playwright-core'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import type { TestService } from '../service/start-service.ts'
import { type Account, registerAccount } from './people-at-work.ts'

/** An account with a password that reviews in every firm. */
export async function reviewerAccount(service: TestService): Promise<Account> {
  const account = await registerAccount(service)
  await service.app.db
    .insertInto('document_platform_roles')
    .values({ user_id: account.id, role: 'reviewer', granted_by: account.id })
    .execute()
  return account
}

/** An account with a password that is an administrator of the platform. */
export async function administratorAccount(service: TestService): Promise<Account> {
  const account = await registerAccount(service)
  await service.app.db.updateTable('registered_users').set({ role: 'admin' }).where('id', '=', account.id).execute()
  return account
}

export async function renameFirm({ app }: TestService, firm: FirmId, name: string): Promise<void> {
  await sql`update security_firms set name = ${name} where id = ${firm}`.execute(app.db)
}

/** Waits until the preview shows the file of a document, which is drawn in a frame or on a canvas. */
export async function previewShows(page: Page, document: { id: string; version: number }): Promise<void> {
  await page.locator(`[data-shown="${document.id}/${document.version}"]`).waitFor()
}
