import { useId } from 'react'

type Choice = { value: string; label: string; isGiven?: boolean }
type Props = {
  label: string
  name?: string
  choices: Choice[]
  value?: string
  onChange?: (value: string) => void
}

/** The browser's own list to choose from: it works with every keyboard, screen reader and phone. */
export function Choice({ label, name, choices, value, onChange }: Props) {
  const id = useId()
  return (
    <div className="choice">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        name={name}
        {...(value === undefined ? {} : { value, onChange: (event) => onChange?.(event.currentTarget.value) })}
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value} data-given={choice.isGiven === true ? '' : undefined}>
            {choice.label}
          </option>
        ))}
      </select>
    </div>
  )
}
