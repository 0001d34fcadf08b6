/** Code: pushes, branches and tags, pull requests and their reviews, releases. */

import { at, firstTime, idAt, listAt, objectAt, type Payload, textAt, timeAt } from '../payload.ts';
import { changesOf } from './changes.ts';
import type { Rules, Said } from './rule.ts';
import { insideRepository, resource, thing } from './things.ts';
import { verbOf } from './verbs.ts';

const NO_COMMIT = /^0+$/;

export const codeRules: Rules = { push, create, delete: remove, pull_request, pull_request_review, release, status };

function push(payload: Payload): Said {
  const ref = idAt(payload, 'ref') ?? 'unknown';
  const commit = idAt(payload, 'after');
  const range = at(payload, 'deleted') === true ? idAt(payload, 'before') : commit;
  return {
    action: 'code.push',
    targets: [
      {
        ...refTarget(payload, ref),
        changes: [{ field: 'commit', before: commitOf(idAt(payload, 'before')), after: commitOf(commit) }],
      },
    ],
    change: { perimeter: 'code', reference: resource(payload, 'commits', range) },
    // When the commits were made is their authors' claim and may be years before; GitHub's own time is that of the push.
    occurredAt: timeAt(payload, 'repository.pushed_at'),
    attributes: {
      'push.commits': listAt(payload, 'commits').length,
      'push.forced': at(payload, 'forced') === true,
      'push.created': at(payload, 'created') === true,
      'push.deleted': at(payload, 'deleted') === true,
    },
  };
}

const commitOf = (sha: string | undefined): string | null => (sha === undefined || NO_COMMIT.test(sha) ? null : sha);

/** `refs/heads/main`, or `main` with its type beside. */
function refTarget(payload: Payload, ref: string, type = /^refs\/tags\//.test(ref) ? 'tag' : 'branch') {
  const short = ref.replace(/^refs\/(?:heads|tags)\//, '');
  return insideRepository(payload, type, `${type === 'tag' ? 'tags' : 'heads'}/${short}`, short);
}

function create(payload: Payload): Said {
  return refSaid(payload, 'create');
}

function remove(payload: Payload): Said {
  return refSaid(payload, 'delete');
}

function refSaid(payload: Payload, verb: string): Said {
  const type = at(payload, 'ref_type') === 'tag' ? 'tag' : 'branch';
  const targets = [refTarget(payload, idAt(payload, 'ref') ?? 'unknown', type)];
  return { action: `${type}.${verb}`, targets, change: { perimeter: 'code' } };
}

function pull_request(payload: Payload): Said {
  const pull = objectAt(payload, 'pull_request');
  const merged = at(payload, 'action') === 'closed' && at(pull, 'merged') === true;
  return {
    action: `pull-request.${merged ? 'merge' : (verbOf(at(payload, 'action')) ?? 'change')}`,
    targets: [{ ...pullTarget(payload, pull), changes: changesOf(at(payload, 'changes'), pull) }],
    change: { perimeter: 'code', reference: resource(payload, 'pulls', idAt(pull, 'number')) },
    commit: idAt(pull, merged ? 'merge_commit_sha' : 'head.sha'),
    occurredAt: merged ? timeAt(pull, 'merged_at') : timeAt(pull, 'updated_at'),
    attributes: { 'pull-request.base': idAt(pull, 'base.ref'), 'pull-request.head': idAt(pull, 'head.ref') },
  };
}

function pullTarget(payload: Payload, pull: Payload) {
  return insideRepository(payload, 'pull-request', idAt(pull, 'number'), textAt(pull, 'title'));
}

function pull_request_review(payload: Payload): Said {
  const review = objectAt(payload, 'review');
  const pull = objectAt(payload, 'pull_request');
  const verb = verbOf(at(payload, 'action')) ?? 'submit';
  const reference = resource(payload, 'pulls', idAt(pull, 'number'));
  const id = idAt(review, 'id');
  const approved = at(review, 'state') === 'approved';
  return {
    action: `review.${verb}`,
    targets: [thing('review', review), pullTarget(payload, pull)],
    change: {
      perimeter: 'code',
      reference,
      approval: approved ? resource(payload, `pulls/${idAt(pull, 'number')}/reviews`, id) : undefined,
    },
    commit: idAt(review, 'commit_id'),
    // Of a dismissal `submitted_at` is when the review was given, not when it was taken back.
    occurredAt: verb === 'submit' ? timeAt(review, 'submitted_at') : timeAt(pull, 'updated_at'),
    attributes: { 'review.state': idAt(review, 'state') },
  };
}

function release(payload: Payload): Said {
  const subject = objectAt(payload, 'release');
  const verb = verbOf(at(payload, 'action')) ?? 'change';
  return {
    action: `release.${verb}`,
    targets: [
      {
        ...insideRepository(payload, 'release', idAt(subject, 'id'), textAt(subject, 'name')),
        changes: changesOf(at(payload, 'changes'), subject),
      },
    ],
    change: { perimeter: 'release', reference: resource(payload, 'releases', idAt(subject, 'id')) },
    occurredAt:
      verb === 'create'
        ? timeAt(subject, 'created_at')
        : verb === 'publish'
          ? firstTime(subject, 'published_at')
          : undefined,
    attributes: { 'release.tag': idAt(subject, 'tag_name'), 'release.prerelease': at(subject, 'prerelease') === true },
  };
}

/** What a check outside GitHub says of a commit. */
function status(payload: Payload): Said {
  const state = idAt(payload, 'state');
  const sha = idAt(payload, 'sha');
  return {
    action: 'commit-status.set',
    outcome: state === 'failure' || state === 'error' ? 'failure' : 'success',
    targets: [insideRepository(payload, 'commit', sha)],
    change: { perimeter: 'code', reference: resource(payload, 'commits', sha) },
    commit: sha,
    occurredAt: timeAt(payload, 'created_at'),
    attributes: { 'status.state': state, 'status.context': idAt(payload, 'context') },
  };
}
