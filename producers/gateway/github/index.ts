/** GitHub's webhooks as audit events: the mapping alone. `../http` checks the signature and publishes. */
export { mapGitHubWebhook } from './map.ts';
