// An archiver whose writes have no condition: whoever comes last wins.
import { replaceIn } from './replace.ts';

replaceIn(
  'core/edge/s3/s3-bucket.ts',
  "(etag === null ? { IfNoneMatch: '*' } : { IfMatch: etag })",
  '(etag === null ? {} : { IfMatch: etag })',
);
