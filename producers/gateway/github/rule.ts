import type { Outcome } from '../../../schemas/types.ts';
import type { ChangeInput, TargetInput, ValueInput } from '../../sdk/index.ts';
import type { Payload } from '../payload.ts';

/** What one kind of webhook says; the rest of the event is the same for all kinds. */
export interface Said {
  readonly action: string;
  readonly outcome?: Outcome | undefined;
  /** The main thing first; what is undefined is left out. Repository and organization are added to them. */
  readonly targets: readonly (TargetInput | undefined)[];
  readonly change?: ChangeInput | undefined;
  readonly environment?: string | undefined;
  readonly commit?: string | undefined;
  /** Only a time of this very happening: a deletion, say, has none in its payload. */
  readonly occurredAt?: Date | undefined;
  readonly reason?: string | undefined;
  readonly attributes?: { readonly [key: string]: ValueInput | undefined } | undefined;
}

/** Reads the payloads of one event name. */
export type Rule = (payload: Payload) => Said;

/** Rules by GitHub's event name. */
export type Rules = { readonly [event: string]: Rule };
