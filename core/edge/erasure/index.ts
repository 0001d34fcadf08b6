/** The door of erasures and holds: asked for by one person, approved by another, carried out after a delay. */
export { type DeskOptions, ErasureDesk, type Ran, type Step, type StepName, type Whose } from './desk.ts';
export { ErasureError, type ErasureErrorCode } from './error.ts';
export type { InvalidOrder, JudgedOrder } from './judge.ts';
export { formatApproval, type Order, orderDigest, type Subject } from './order.ts';
export { type OrderBucket, OrderStore, orderBucket } from './order-store.ts';
export { formatQuery, type HoldQuery, parseQuery } from './query.ts';
export { type ErasureSettings, erasureSettings, operatorSetting } from './settings.ts';
