/** The preview of a file. */
export const previewTexts = {
  preview: {
    title: 'Preview',
    show: 'Show the preview',
    loading: 'Loading the preview…',
    page: (number: number) => `Page ${number}`,
    pages: (count: number) => (count === 1 ? '1 page' : `${count} pages`),
    smaller: 'Smaller',
    larger: 'Larger',
    turn: 'Turn by a quarter',
    open: 'Open the file',
    notShowable: 'This kind of file has no preview. Download it to read it.',
    noAccess: 'The store does not let this page show the file. Open it in a tab of its own.',
    password: 'This PDF needs a password, so it cannot be shown here.',
    damaged: 'This file cannot be drawn here. It may be damaged: open it to see what your own program shows.',
  },
}
