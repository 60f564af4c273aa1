/** Documents that are put together from photos. */
export const photoTexts = {
  photos: {
    take: 'Take photos',
    takeFor: (name: string) => `Take photos of ${name}`,
    hint: 'Several photos become one document.',
    title: (name: string) => `Photos of ${name}`,
    help: 'One photo for each page, in good light, with all four corners. The photos are made smaller, and the place where you took them is removed.',
    goOn: (pages: number) => (pages === 1 ? 'Continue: 1 page' : `Continue: ${pages} pages`),
    goOnFor: (name: string, pages: number) =>
      pages === 1 ? `Continue with 1 page of ${name}` : `Continue with ${pages} pages of ${name}`,
    takePage: 'Take a photo of the next page',
    takeFirst: 'Take a photo of the first page',
    addPages: 'Add photos',
    page: (number: number) => `Page ${number}`,
    preview: (number: number) => `Photo of page ${number}`,
    upOf: (number: number) => `Move page ${number} up`,
    downOf: (number: number) => `Move page ${number} down`,
    turn: 'Turn',
    turnOf: (number: number) => `Turn page ${number} to the right`,
    retake: 'Retake',
    retakeOf: (number: number) => `Retake page ${number}`,
    replace: 'Replace',
    replaceOf: (number: number) => `Replace page ${number}`,
    remove: 'Remove',
    removeOf: (number: number) => `Remove page ${number}`,
    preparing: (count: number) => (count === 1 ? 'Preparing 1 photo…' : `Preparing ${count} photos…`),
    empty: 'No pages yet.',
    upload: (pages: number, size: string) =>
      pages === 1 ? `Upload 1 page (${size})` : `Upload ${pages} pages (${size})`,
    separate: (count: number) => `Upload ${count} separate files`,
    discard: 'Discard',
    separateHelp: 'Separate files are uploaded unchanged.',
    closeHelp: 'Closing keeps the pages on this device.',
    moved: (number: number, count: number) => `It is now page ${number} of ${count}.`,
    added: (count: number) => (count === 1 ? 'The document has 1 page.' : `The document has ${count} pages.`),
    turned: (number: number) => `Page ${number} is turned.`,
    fileName: (name: string, date: string) => `${name}, ${date}.pdf`,
    unreadable: (name: string) => `${name} cannot be read as a photo. Choose a JPEG or PNG.`,
    heic: (name: string) =>
      `This browser cannot read ${name}: HEIC is a format of Apple. Take the photo here, or choose “Most Compatible” in the iPhone’s settings under Camera, Formats.`,
    tooLarge: (size: string, max: string) =>
      `The pages have ${size} together; at most ${max} is accepted. Remove a page.`,
    joinFailed:
      'The pages could not be joined: this device may have too little memory. Close other pages, then try again.',
  },
}
