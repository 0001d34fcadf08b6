// Well-known secrets, by how their issuers write them. Each pattern begins with fixed text and may not begin within a word, so that
// looking for it takes time linear in the text's length, whatever the text is: a producer may send 256 KiB made to be slow.

export interface SecretKind {
  /** Goes into the mask: `[masked: aws-access-key]`. */
  readonly name: string;
  /** What the secret looks like; of a named group `secret` only that part is masked. */
  readonly pattern: string;
  /** Three characters in a row of which each such secret has one, for the check that comes before (hint.ts); rare ones. */
  readonly pieces: readonly string[];
}

/** Not within a word. */
const start = '(?<![A-Za-z0-9])';
/** As above, for secrets that have - and _ in them: a start in the middle of one would be looked at again and again. */
const startOfToken = '(?<![\\w-])';

const kind = (name: string, pieces: string, pattern: string, from = start): SecretKind => ({
  name,
  pieces: pieces.split(' '),
  pattern: `${from}${pattern}`,
});

/** A piece in upper and lower case, mixed in any way. */
const anyCase = (piece: string): string[] =>
  [...piece].reduce<string[]>(
    (all, one) => all.flatMap(begin => [...new Set([one, one.toUpperCase()])].map(end => begin + end)),
    [''],
  );

/** Words in upper and lower case: spelt out, since publishers run on Node 20 too, whose patterns know no `(?i:)`. */
const eitherCase = (words: string): string => words.replace(/[a-z]/g, one => `[${one}${one.toUpperCase()}]`);

const privateKeyBegin = '-----BEGIN (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----';

/** In the order in which they are looked for: what is within another is masked by the first. */
export const SECRETS: readonly SecretKind[] = [
  {
    name: 'private-key',
    pieces: ['E K'],
    // Without its end it is cut off, so all the rest is the key.
    pattern: `${privateKeyBegin}[^]*?(?:-----END (?:[A-Z0-9]{1,16} ){0,4}PRIVATE KEY(?: BLOCK)?-----|$)`,
  },
  kind('age-secret-key', 'GE-', 'AGE-SECRET-KEY-1[0-9A-Z]{58}'),
  kind('jwt', 'eyJ', 'eyJ[\\w-]{8,}\\.(?:eyJ)?[\\w-]{8,}\\.[\\w-]*(?:\\.[\\w-]+){0,2}', startOfToken),
  kind('aws-access-key', 'AKI ASI ABI ACC', '(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?![A-Za-z0-9])'),
  {
    name: 'aws-secret-key',
    pieces: [...anyCase('s_k'), ...anyCase('ssk')],
    pattern:
      eitherCase('secret_?access_?key') +
      '["\'\\\\]{0,4}\\s{0,8}[:=]\\s{0,8}["\'\\\\]{0,4}(?<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+])',
  },
  kind('github-token', 'ho_ hp_ hu_ hs_ hr_ b_p', '(?:gh[opusr]_|github_pat_)[A-Za-z0-9_]{22,255}'),
  kind(
    'gitlab-token',
    'glp gld glr glc glf gli gla glo gls',
    'gl(?:pat|dt|rt|cbt|ptt|ft|imt|agent|oas|soat)-[\\w.-]{20,255}',
  ),
  kind('slack-token', 'xox xap', '(?:xox[abceoprs]|xapp)-[A-Za-z0-9.-]{10,255}'),
  kind('slack-webhook', 'k.c', 'hooks\\.slack\\.com/(?:services|workflows|triggers)/[\\w/]{20,255}'),
  kind('stripe-key', 'sk_ rk_ ec_', '(?:[sr]k_(?:live|test)|whsec)_[A-Za-z0-9]{10,255}'),
  kind('google-api-key', 'AIz', 'AIza[\\w-]{35}'),
  kind('google-oauth-token', 'ya2 GOC', '(?:ya29\\.|GOCSPX-)[\\w-]{20,1024}'),
  kind('azure-storage-key', 'tKe', 'AccountKey=[A-Za-z0-9+/]{86}=='),
  kind('npm-token', 'pm_', 'npm_[A-Za-z0-9]{36}'),
  kind('pypi-token', 'pyp', 'pypi-[\\w-]{50,1024}'),
  kind('hugging-face-token', 'hf_', 'hf_[A-Za-z0-9]{34}'),
  kind('ai-api-key', 'sk-', 'sk-(?=[\\w-]{0,64}\\d)[\\w-]{32,255}', startOfToken),
  kind('sendgrid-key', 'SG.', 'SG\\.[\\w-]{16,64}\\.[\\w-]{16,64}'),
  kind('digitalocean-token', '_v1', 'do[opr]_v1_[a-f0-9]{64}'),
  kind('vault-token', 'hvs hvb hvr', 'hv[sbr]\\.[\\w-]{20,1024}'),
  kind('shopify-token', 'shp', 'shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}'),
  kind('tidemark-key', 'mk_', 'tmk_[A-Za-z0-9]{12}_[A-Za-z0-9]{49}'),
  kind('databricks-token', 'dap', 'dapi[a-f0-9]{32}'),
  {
    name: 'url-password',
    pieces: [], // an @ behind ://, which is looked for apart
    pattern: '://[^\\s/?#:@]{0,255}:(?<secret>[^\\s/?#@]{1,255})@',
  },
  {
    name: 'bearer-token',
    pieces: [...anyCase('rer'), ...anyCase('sic')],
    pattern: `${start}(?:${eitherCase('bearer')}|${eitherCase('authorization')}["']?\\s{0,4}[:=]\\s{0,4}["']?${eitherCase('basic')})\\s{1,4}(?<secret>(?=[\\w.~+/-]{0,64}\\d)[\\w.~+/-]{16,4096}={0,2})`,
  },
];
