import { generateKeyPairSync } from 'node:crypto'

/** Like `openssl genpkey -algorithm ed25519`. */
export function freshKeys(): { private: string; public: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  return {
    private: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    public: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}
