/**
 * Registering is two steps, the first version and then the subject's rule of compatibility, and who is killed between them leaves a
 * subject without a rule. Some registries answer their default for it, as if somebody had decided so, and every later registration
 * would be refused for ever.
 */

/**
 * Names the rule where nothing but such a registration is to be seen: one version, which is this text, under the registry's
 * default. False, and nothing is changed, where there is more: then the rule is somebody's will. Throws where there is no answer.
 */
export async function finishRegistration(
  host: string,
  authorization: string | undefined,
  { subject, text, compatibility }: { subject: string; text: string; compatibility: string },
): Promise<boolean> {
  const headers = {
    'content-type': 'application/vnd.schemaregistry.v1+json',
    ...(authorization === undefined ? {} : { authorization }),
  };
  const ask = async (path: string, body?: object): Promise<unknown> => {
    const sent = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) };
    const answer = await fetch(`${host}${path}`, { headers, signal: AbortSignal.timeout(10_000), ...sent });
    if (answer.ok) return answer.json();
    await answer.body?.cancel();
    throw new Error(`${host}${path} answered ${answer.status}`);
  };
  const name = encodeURIComponent(subject);
  const [rule, standard] = await Promise.all([ask(`/config/${name}`), ask('/config')]);
  if (fieldOf(rule, 'compatibilityLevel') !== fieldOf(standard, 'compatibilityLevel')) return false;
  const versions = await ask(`/subjects/${name}/versions`);
  if (!Array.isArray(versions) || versions.length !== 1) return false;
  const only = await ask(`/subjects/${name}/versions/${versions[0]}`);
  if (fieldOf(only, 'schema') !== text) return false;
  await ask(`/config/${name}`, { compatibility });
  return true;
}

const fieldOf = (answer: unknown, field: string): unknown =>
  typeof answer === 'object' && answer !== null ? Reflect.get(answer, field) : undefined;
