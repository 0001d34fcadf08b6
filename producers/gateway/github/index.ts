/** GitHub's webhooks as audit events: the mapping alone. Who checks the signature and who publishes is the caller's. */
export { mapGitHubWebhook } from './map.ts';
