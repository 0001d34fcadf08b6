// What an S3 server that is overloaded, or half broken, answers: at random, of each request with a chance.

import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../random.ts';
import { forward, type S3Deed, type S3Request, type S3Rule } from './s3-proxy.ts';

/** Of every request: how many of a hundred are troubled. */
export function troubled(random: Random, percent: number): S3Rule {
  return async asked => {
    if (random.between(0, 100) >= percent) return forward;
    const deed = random.pick(troublesOf(asked));
    if (deed !== 'late') return deed;
    await delay(random.between(200, 3000));
    return forward;
  };
}

type Trouble = Exclude<S3Deed, { kind: 'forward' }> | 'late';

const error = (status: number, code: string, isDone = false): Trouble => ({ kind: 'answer', status, code, isDone });

const ofAll: readonly Trouble[] = [
  error(500, 'InternalError'),
  error(503, 'SlowDown'),
  { kind: 'cut' },
  { kind: 'lose' },
  'late',
];

/** HEAD has no body that an error could be in. */
const ofBodies: readonly Trouble[] = [error(200, 'InternalError'), error(200, 'InternalError', true)];

/** 409: another one is under way. 412 where it is not so, or where the request itself, tried again within the server, is what is there. */
const ofConditions: readonly Trouble[] = [
  error(409, 'ConditionalRequestConflict'),
  error(412, 'PreconditionFailed'),
  error(412, 'PreconditionFailed', true),
  error(500, 'InternalError', true),
];

function troublesOf({ method, isConditional }: S3Request): readonly Trouble[] {
  return [...ofAll, ...(method === 'HEAD' ? [] : ofBodies), ...(isConditional ? ofConditions : [])];
}
