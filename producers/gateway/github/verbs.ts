/** Actions as verbs in the base form: GitHub tells what has happened (`created`), an audit event says what was done (`create`). */

import { slug } from '../payload.ts';

const IRREGULAR: { readonly [action: string]: string } = {
  edited: 'change',
  submitted: 'submit',
  transferred: 'transfer',
  pinned: 'pin',
  unpinned: 'unpin',
  in_progress: 'start',
  completed: 'finish',
  synchronize: 'update',
  labeled: 'label',
  unlabeled: 'unlabel',
  milestoned: 'milestone',
  demilestoned: 'demilestone',
  cancelled: 'cancel',
  withdrawn: 'withdraw',
  waiting: 'wait',
  category_changed: 'change-category',
  review_requested: 'request-review',
  review_request_removed: 'remove-review-request',
  closed_by_user: 'close',
  publicized: 'publicize',
  new_permissions_accepted: 'accept-permissions',
};

/** Stems that lose an `e` with the `ed`: created, archived, closed, … */
const ENDS_IN_E =
  /(?:creat|delet|updat|renam|remov|archiv|clos|releas|resolv|escalat|approv|revok|requir|purchas|chang|merg|reduc|enabl|disabl|validat|rotat|queu|dequeu|privatiz|expir|stor|restor|dispos|invit|schedul|mov|complet|locat)ed$/;

/** The verb of a webhook's `action`; `undefined` where the payload has none. */
export function verbOf(action: unknown): string | undefined {
  if (typeof action !== 'string') return undefined;
  const known = Object.hasOwn(IRREGULAR, action) ? IRREGULAR[action] : undefined;
  return known ?? slug(action.split('_').map(baseForm).join('-'));
}

function baseForm(word: string): string {
  if (ENDS_IN_E.test(word)) return word.slice(0, -1);
  if (word.length > 4 && word.endsWith('ied')) return `${word.slice(0, -3)}y`;
  return word.length > 4 && word.endsWith('ed') && !word.endsWith('eed') ? word.slice(0, -2) : word;
}
