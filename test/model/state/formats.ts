import { makeInfectedPdf } from '../../support/files/infected-files.ts'
import { makeJpeg, makePdf, makePng } from '../../support/files/make-files.ts'

export const formats = {
  pdf: { make: makePdf, extension: 'pdf', mimeType: 'application/pdf' },
  png: { make: makePng, extension: 'png', mimeType: 'image/png' },
  jpg: { make: makeJpeg, extension: 'jpg', mimeType: 'image/jpeg' },
  /** Valid except for the test virus, which every scanner detects. */
  virus: { make: makeInfectedPdf, extension: 'pdf', mimeType: 'application/pdf' },
}

export type Format = keyof typeof formats
export const soundFormats = ['pdf', 'png', 'jpg'] as const satisfies Format[]
