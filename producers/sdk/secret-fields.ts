/** Names of fields whose values are never recorded: of these it is said that they changed, and no more. */

/** A name, however it is written: `apiKey` stands for `api_key`, `API-KEY` and `stripeApiKeys` as well. */
export type SecretField = string | RegExp;

/** In any name that has them. */
const ANYWHERE = [
  'password',
  'passwd',
  'passphrase',
  'passcode',
  'secret',
  'token',
  'credential',
  'apikey',
  'privatekey',
  'accesskey',
  'encryptionkey',
  'signingkey',
  'authorization',
  'cookie',
  'cardnumber',
  'securitycode',
  'recoverycode',
  'backupcode',
];
/** Too short to be looked for within others. */
const WHOLE = new Set(['pass', 'pwd', 'pin', 'otp', 'totp', 'cvv', 'cvc', 'jwt', 'salt', 'pan']);

/** Whether the values of a field of that name are secret. `more`: beside the well-known ones; `except`: these are not. */
export function secretFields(
  more: readonly SecretField[] = [],
  except: readonly SecretField[] = [],
): (name: string) => boolean {
  const words = [...ANYWHERE, ...more.filter(one => typeof one === 'string').map(plain)].filter(one => one !== '');
  const patterns = more.filter(one => one instanceof RegExp);
  const clear = new Set(except.filter(one => typeof one === 'string').map(plain));
  const clearPatterns = except.filter(one => one instanceof RegExp);
  return name => {
    const bare = plain(name);
    if (clear.has(bare) || clearPatterns.some(one => matches(one, name))) return false;
    return WHOLE.has(bare) || words.some(word => bare.includes(word)) || patterns.some(one => matches(one, name));
  };
}

const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** From its beginning, also where the pattern is sticky or global and remembers where it was. */
function matches(pattern: RegExp, name: string): boolean {
  pattern.lastIndex = 0;
  return pattern.test(name);
}
