export type CorsRuleData = {
  ID: string
  AllowedOrigins: string[]
  AllowedMethods: string[]
  AllowedHeaders: string[]
  ExposeHeaders: string[]
  MaxAgeSeconds: number
}

/** By which pages of these origins read what links lead to. Data alone: `deploy/aws` has it too. */
export function corsRule(origins: string[]): CorsRuleData {
  return {
    ID: 'paniq-links',
    AllowedOrigins: origins,
    AllowedMethods: ['GET', 'HEAD'],
    AllowedHeaders: ['*'],
    ExposeHeaders: ['ETag', 'Content-Length', 'Content-Range', 'Content-Disposition'],
    MaxAgeSeconds: 3600,
  }
}
