import { encodeQR } from 'qr'

import './qr-code.css'

type Props = { text: string; label: string }

/** A QR code to scan. Its colours are the same in a dark page: not every camera reads light squares on dark ground. */
export default function QrCode({ text, label }: Props) {
  const rows = encodeQR(text, 'raw', { ecc: 'medium', border: quietZone })
  return (
    <svg
      className="qr-code"
      viewBox={`0 0 ${rows.length} ${rows.length}`}
      shapeRendering="crispEdges"
      role="img"
      aria-label={label}
    >
      <path d={rows.map(lineOf).join('')} />
    </svg>
  )
}

/** The empty margin that the standard asks for, in squares. */
const quietZone = 4

/** One rectangle for each run of dark squares of a row. */
function lineOf(row: boolean[], y: number): string {
  let line = ''
  for (let x = 0; x < row.length; x += 1) {
    if (row[x] !== true) continue
    const start = x
    while (row[x + 1] === true) x += 1
    const length = x + 1 - start
    line += `M${start} ${y}h${length}v1h-${length}z`
  }
  return line
}
