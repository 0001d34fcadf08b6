// Keys of the golden archive that attacks aim at.

export const segment = 'events/dt=2026-01-05/hour=11/00000-000-00000000000000000012.avro';
export const lateSegment = 'events/dt=2026-01-05/hour=11/00002-000-00000000000000000211.avro';
export const lastSegment = 'events/dt=2026-01-05/hour=13/00002-000-00000000000000000215.avro';
export const manifest = 'batches/2026/01/05/20260105T110000Z.note';
export const lastManifest = 'batches/2026/01/05/20260105T130000Z.note';
export const sized = (size: number) => `log/checkpoints/${String(size).padStart(20, '0')}`;
