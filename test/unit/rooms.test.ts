// The arrows of the rooms hold, and the checker that says so sees every way in which an import can be written.
import { describe, expect, it } from 'vitest';
import { checkFile, checkRooms, parseImports } from '../rooms.ts';

const doors = new Set([
  'schemas/index.ts',
  'core/event/index.ts',
  'producers/sdk/index.ts',
  'auditor/index.ts',
  'auditor/read/index.ts',
]);
const check = (path: string, text: string) => checkFile(path, text, door => doors.has(door));

describe('rooms', () => {
  it('the arrows go one way', () => {
    expect(checkRooms(new URL('../..', import.meta.url).pathname)).toEqual([]);
  });

  it.each([
    ['core/proof/a.ts', "import { x } from '../edge/x.ts';", 'must not import from core/edge'],
    ['core/proof/a.ts', "import type { X } from '../event/x.ts';", 'must not import from core/event'],
    ['core/proof/a.ts', "import fs from 'node:fs';", 'pure'],
    ['core/proof/a.ts', "import type { Hash } from 'node:crypto';", 'pure'],
    ['core/proof/a.ts', "import avro from 'avsc';", 'pure'],
    ['core/proof/a.ts', "const fs = await import('node:fs');", 'pure'],
    ['core/proof/a.ts', "export * from 'node:path';", 'pure'],
    ['core/proof/a.ts', 'const at = Date.now();', 'Date.now'],
    ['core/proof/a.ts', 'const at = new Date();', 'new Date()'],
    ['core/proof/a.ts', "import { x } from '../../schemas/types.ts';", 'types only'],
    ['core/proof/a.ts', "import type { X } from '../../schemas/index.ts';", 'must not import from schemas'],
    ['core/event/a.ts', "import 'node:fs';", 'pure'],
    ['core/event/a.ts', "import { x } from '../edge/x.ts';", 'must not import from core/edge'],
    ['core/edge/a.ts', "import { x } from '../../auditor/index.ts';", 'must not import from auditor'],
    ['core/new/a.ts', '', 'in no room'],
    ['schemas/a.ts', "import { x } from '../core/edge/x.ts';", 'must not import from core/edge'],
    ['schemas/a.ts', "import { x } from '../core/proof/x.ts';", 'must not import from core/proof'],
    ['producers/sdk/a.ts', "import { x } from '../../consumers/normalizer/x.ts';", 'must not import from consumers'],
    ['consumers/archiver/a.ts', "export { x } from '../../producers/sdk/index.ts';", 'must not import from producers'],
    ['consumers/archiver/a.ts', "import { x } from '../../auditor/index.ts';", 'must not import from auditor'],
    ['auditor/a.ts', "import {\n  x,\n  y,\n} from '../consumers/normalizer/x.ts';", 'must not import from consumers'],
    ['auditor/a.ts', "type X = import('../producers/sdk/index.ts').X;", 'must not import from producers'],
    ['auditor/a.ts', "import { x } from '../cli/x.ts';", 'must not import from cli'],
    ['auditor/a.ts', "import { x } from '../test/x.ts';", 'must not import from test'],
    ['consumers/normalizer/a.ts', "import { x } from '../../infra/local/x.ts';", 'must not import from infra'],
    ['consumers/normalizer/a.ts', "import { x } from '../../schemas/model.ts';", 'the door is schemas/index.ts'],
    ['producers/gateway/a.ts', "import { x } from '../sdk/private.ts';", 'the door is producers/sdk/index.ts'],
    ['cli/a.ts', "import { x } from '../auditor/verify/private.ts';", 'the door is auditor/index.ts'],
    ['cli/a.ts', "import { x } from '../../elsewhere/x.ts';", 'outside the rooms'],
    ['cli/a.ts', 'await import(name);', 'name the file'],
    ['cli/a.ts', "await import('./' + name);", 'name the file'],
  ])('%s: %s is a problem', (path, text, problem) => {
    expect(check(path, text)).toEqual([expect.stringContaining(problem)]);
  });

  it.each([
    ['core/proof/a.ts', "import { x } from './b.ts';\nconst at = new Date(time);"],
    ['core/proof/a.ts', "import type { AuditRecord } from '../../schemas/types.ts';"],
    ['core/event/a.ts', "import type { AuditEvent } from '../../schemas/audit-event.generated.ts';"],
    ['core/edge/a.ts', "import { x } from '../proof/x.ts';\nimport { Kafka } from 'kafkajs';"],
    ['consumers/normalizer/a.ts', "import { checkEvent } from '../../core/event/index.ts';"],
    ['producers/sdk/a.ts', "import type { AuditEvent } from '../../schemas/types.ts';"],
    ['producers/sdk/a.ts', "import { x } from './private.ts';"],
    ['cli/a.ts', "import { x } from '../auditor/index.ts';\nawait import('../producers/sdk/index.ts');"],
    ['auditor/prove/a.ts', "import { x } from '../read/private.ts';"],
    ['infra/local/a.ts', "import { x } from '../../core/edge/x.ts';"],
    ['test/unit/auditor/a.test.ts', "import { x } from '../../../auditor/verify/private.ts';"],
  ])('%s: %s is none', (path, text) => {
    expect(check(path, text)).toEqual([]);
  });

  it('reads imports, not mere words', () => {
    const text = "const from = important('a');\nexport const x = 1;\nexport function y() {}\n// from 'b'\n";
    expect(parseImports(text)).toEqual([]);
  });
});
