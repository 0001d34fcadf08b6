/** What a caller is told of an error: of one that is not its own, nothing. */
import { IdentityError } from '../../identity/index.ts';
import { isProblemStatus, RequestError } from './problem.ts';
import { RETRY_SECONDS } from './send.ts';

export function refusalOf(error: unknown): RequestError {
  if (error instanceof RequestError) return error;
  if (error instanceof IdentityError) {
    if (error.disposition === 'refuse') return new RequestError(401, `${error.code}: ${error.message}`);
    return new RequestError(503, 'the credential cannot be checked now', RETRY_SECONDS);
  }
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status === 415) return new RequestError(415, 'expected Content-Type: application/json, or one of CloudEvents');
  if (status === 413) return new RequestError(413, 'the body is larger than this gateway takes');
  if (status >= 400 && status < 500) return new RequestError(isProblemStatus(status) ? status : 400, 'expected JSON');
  return new RequestError(500, 'the gateway failed; its log says why');
}
