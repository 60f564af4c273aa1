type Props = { names: Readonly<Record<string, string | undefined>>; code: string }

/** Something in words, with the name that it has in the log, in commands and for programs. */
export function NamedCode({ names, code }: Props) {
  const words = names[code]
  return (
    <>
      {words === undefined ? null : `${words} `}
      <code className="operator-code" data-given>
        {code}
      </code>
    </>
  )
}
