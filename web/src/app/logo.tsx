/** The sign of the product; its name is beside it. */
export function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="7" className="logo-ground" />
      <path d="M9 6h9l6 6v14H9z" className="logo-page" />
      <path d="m12 18 3 3 6-6" fill="none" className="logo-mark" />
    </svg>
  )
}
