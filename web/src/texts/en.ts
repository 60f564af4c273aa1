import { accountTexts } from './en/account.ts'
import { calendarTexts, documentTexts, previewTexts } from './en/documents.ts'
import { everyViewTexts } from './en/every-view.ts'
import { firmTexts } from './en/firms.ts'
import { memberTexts } from './en/members.ts'
import { messageTexts } from './en/messages.ts'
import { operatorTexts } from './en/operator/operator.ts'
import { photoTexts } from './en/photos.ts'
import { reviewTexts } from './en/review.ts'
import { settingTexts } from './en/settings.ts'
import { uploadTexts } from './en/uploads.ts'
import type { Formats } from './formats.ts'

/**
 * Every text of the page in English, one file for each part of it. Names, file names and the service's own sentences are
 * not here.
 */
export const en = {
  product: 'Paniq Documents',
  ...everyViewTexts,
  ...accountTexts,
  ...settingTexts,
  ...firmTexts,
  ...memberTexts,
  ...calendarTexts,
  ...documentTexts,
  ...messageTexts,
  ...operatorTexts,
  ...photoTexts,
  ...uploadTexts,
  ...previewTexts,
  ...reviewTexts,
}

export type Texts = typeof en

/** Facts for texts, formatted for a person. */
export type TextFormats = Formats
