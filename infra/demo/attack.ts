// Someone with the operator's credentials tries to change the past. What S3 lets them do, the auditor finds.

import { DeleteObjectCommand, PutObjectCommand, S3ServiceException } from '@aws-sdk/client-s3';
import { fullKey, getObject, listObjects } from './bucket.ts';
import { DemoError } from './error.ts';
import { findings, verify } from './inspect.ts';
import { check, heading, pair, say } from './screen.ts';
import type { World } from './world.ts';

export async function attack(world: World): Promise<void> {
  heading('Attacks', "Someone who holds the operator's credentials tries to change the past.");
  const [first, second] = await largestSegments(world);
  await deleteVersion(world, first);
  await hideBehindMarker(world, first);
  await putAltered(world, second);
  say();
  await verify(world, 1);
  const found = await findings(world);
  check(found.includes(`hidden ${first}`), 'it finds the hidden segment', `found ${found}`);
  check(found.includes(`further-version ${second}`), 'it finds the altered version', `found ${found}`);
  check(found.length === 2, 'it finds nothing else', `found ${found}`);
}

async function largestSegments(world: World): Promise<[string, string]> {
  const segments = (await listObjects(world)).filter(({ key }) => key.startsWith('events/'));
  const [first, second] = segments.sort((a, b) => b.size - a.size);
  if (first === undefined || second === undefined) throw new DemoError('step-failed', 'fewer than two segments');
  return [first.key, second.key];
}

/** Object Lock's promise: a version under COMPLIANCE retention goes away for nobody. */
async function deleteVersion(world: World, key: string): Promise<void> {
  say('Delete a segment for good, by its version:');
  const { version } = await existing(world, key);
  pair('  DELETE', `${key}?versionId=${version}`, 10);
  const place = { Bucket: world.bucket, Key: fullKey(world, key), VersionId: version };
  const refusal = await world.s3.send(new DeleteObjectCommand(place)).then(
    () => undefined,
    (error: unknown) => error,
  );
  const answer = refusal instanceof S3ServiceException ? refusal : undefined;
  if (answer) pair('  answer', `${answer.$metadata.httpStatusCode} ${answer.name}: ${answer.message}`, 10);
  check(answer?.$metadata.httpStatusCode === 403, 'refused by the lock', `${refusal ?? 'deleted'}, expected 403`);
}

/** Without a version S3 accepts: the object is still there, but nobody who asks for its key sees it. */
async function hideBehindMarker(world: World, key: string): Promise<void> {
  say();
  say('Hide it behind a delete marker, which S3 allows:');
  pair('  DELETE', key, 10);
  await world.s3.send(new DeleteObjectCommand({ Bucket: world.bucket, Key: fullKey(world, key) }));
  check((await getObject(world, key)) === undefined, 'hidden: GET answers 404', 'it can still be read');
}

/** A new version over another segment, with one bit of one event flipped. */
async function putAltered(world: World, key: string): Promise<void> {
  say();
  say('Put an altered version over another segment, which S3 allows too:');
  const { bytes, version } = await existing(world, key);
  const altered = Uint8Array.from(bytes);
  const place = altered.length - 64; // in its last block of events
  altered[place] = (altered[place] ?? 0) ^ 1;
  pair('  PUT', `${key}, one bit of ${altered.length} bytes flipped`, 10);
  await world.s3.send(new PutObjectCommand({ Bucket: world.bucket, Key: fullKey(world, key), Body: altered }));
  const now = await existing(world, key);
  check(now.version !== version, 'replaced: GET answers the altered one', 'the old version is still answered');
}

async function existing(world: World, key: string): Promise<{ bytes: Uint8Array; version: string | undefined }> {
  const object = await getObject(world, key);
  if (object === undefined) throw new DemoError('step-failed', `${key} is not there`);
  return object;
}
