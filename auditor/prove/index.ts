// The door of receipts: made from an archive, checked without one.

export { type ReceiptVerdict, verifyReceipt } from './check-receipt.ts';
export { proveEvent } from './prove-event.ts';
