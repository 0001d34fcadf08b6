// A diagnosis in words.

import { proofText } from '../read/proof.ts';
import { printable } from '../read/table.ts';
import type { SealedEvent } from '../tail/sealed-event.ts';
import type { Diagnosis } from './diagnose.ts';

export interface Said {
  readonly lines: readonly string[];
  /** `fine`: on its way or arrived; `wrong`: refused, or not proven where it should be; `absent`: nowhere. */
  readonly verdict: 'fine' | 'wrong' | 'absent';
}

const timeOf = ({ sealedAt }: SealedEvent): string => new Date(sealedAt).toISOString();
const placeOf = ({ partition, offset }: SealedEvent): string => `partition ${partition}, offset ${offset}`;

export function sayDiagnosis({ sent, sealed, archived, problems }: Diagnosis, since: string): Said {
  const refused = sealed.filter(event => event.refused !== null);
  const lines = [
    ...(sent.length === 0 ? [`sent      not found in the raw topic since ${since}`] : []),
    ...sent.map(event => `sent      ${timeOf(event)}, ${placeOf(event)}`),
    ...(sealed.length === 0 ? [`sealed    not found in the events topic since ${since}`] : []),
    ...sealed.map(event => `${event.refused === null ? 'sealed   ' : 'refused  '} ${timeOf(event)}, ${placeOf(event)}`),
    ...refused.map(event => `          ${event.refused}`),
  ];
  if (archived === null) lines.push('archived  not looked at: give the location of the archive');
  else if (archived.length === 0) lines.push('archived  not found in the bucket');
  else for (const { segment, proof } of archived) lines.push(`archived  ${segment}: ${proofText(proof)}`);
  for (const problem of problems) lines.push(`problem   ${problem}`);
  lines.push(adviceFor({ sent, sealed, archived, problems }));
  const isArchived = archived !== null && archived.length > 0;
  const unproven = archived?.some(({ proof }) => proof.status === 'unproven') === true;
  const absent = sent.length === 0 && sealed.length === 0 && !isArchived;
  const verdict = absent ? 'absent' : refused.length > 0 || unproven || problems.length > 0 ? 'wrong' : 'fine';
  return { lines: lines.map(printable), verdict };
}

function adviceFor({ sent, sealed, archived }: Diagnosis): string {
  if (archived !== null && archived.length > 0)
    return archived.some(({ proof }) => proof.status === 'proven')
      ? 'It is in the archive, and proven.'
      : 'It is in the archive; proven says the log, once its period is over and --policy and --normalizer-keys are given.';
  if (sealed.length > 0)
    return archived === null
      ? 'It is sealed; what becomes of it is in the archive.'
      : 'It is sealed and not archived yet: the archiver writes a segment within TIDEMARK_SEGMENT_AGE; is it running?';
  if (sent.length > 0)
    return 'It is sent and not sealed: the normalizer has not come to it; is it running, is it behind?';
  return 'It is nowhere: --since may begin too late, or the service never had it acknowledged (see its own onError).';
}
