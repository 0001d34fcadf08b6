/** Why a credential was not accepted, or a checker not made. */
export type IdentityErrorCode =
  /** Not of the form that such credentials have: cut off, mistyped, over a limit. */
  | 'malformed'
  /** Of a kind that nothing here checks, such as a token bound to a key. */
  | 'unsupported'
  /** Signed by an algorithm that is not among those accepted; `none` and HMAC are never among them. */
  | 'algorithm'
  | 'bad-signature'
  /** The issuer has no such key; an API key that isn't known, or whose secret is wrong. */
  | 'unknown-key'
  | 'expired'
  | 'not-yet-valid'
  | 'wrong-issuer'
  | 'wrong-audience'
  /** Its header `typ` is not the one demanded. */
  | 'wrong-type'
  /** It lacks a claim that is needed, or the claim is not as it has to be. */
  | 'wrong-claim'
  /** Genuine, and of somebody who is not among those accepted. */
  | 'not-allowed'
  /** A token for one use, which was used. */
  | 'replayed'
  | 'revoked'
  /** Its issuer says that it does not hold: expired, revoked, or never issued. */
  | 'inactive'
  /** A certificate whose chain the TLS layer did not verify. */
  | 'untrusted'
  /** It can't be known now: the issuer does not answer. */
  | 'unavailable'
  /** A checker was made with options that can't work. */
  | 'invalid-options'
  /** A file of API keys breaks its rules or can't be read. */
  | 'invalid-file';

/** `refuse`: this credential, for good (401); `retry`: later perhaps (503); `fatal`: mend the options or the file. */
export type IdentityDisposition = 'refuse' | 'retry' | 'fatal';

/**
 * The one error of the room. Its message says what was expected and never holds anything of the credential, nor a claim of
 * it; there is no `cause`, since the errors of parsers carry what they parsed.
 */
export class IdentityError extends Error {
  override readonly name = 'IdentityError';
  readonly code: IdentityErrorCode;

  constructor(code: IdentityErrorCode, message: string) {
    super(message);
    this.code = code;
  }

  get disposition(): IdentityDisposition {
    if (this.code === 'unavailable') return 'retry';
    return this.code === 'invalid-options' || this.code === 'invalid-file' ? 'fatal' : 'refuse';
  }
}
