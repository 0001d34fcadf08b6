// How a build is broken on purpose: a source file is read with one text replaced by another, as it is loaded (`--import`). The product has no
// switch for it. Where the text is not found any more, the process does not start: a broken build that is whole would prove nothing.

import { registerHooks } from 'node:module';

export function replaceIn(file: string, found: string, put: string): void {
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      if (!url.endsWith(file)) return loaded;
      const source =
        typeof loaded.source === 'string' ? loaded.source : Buffer.from((loaded.source ?? '') as Uint8Array).toString();
      if (source.split(found).length !== 2) throw new Error(`${file} has not exactly one ${JSON.stringify(found)}`);
      return { ...loaded, source: source.replace(found, () => put) };
    },
  });
}
