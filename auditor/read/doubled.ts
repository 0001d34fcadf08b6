// An event that was sent again after an unknown answer is in the archive twice, under the same producer instance and number
// (archive format, section 1); readers show it once. Another event under a number that was used is no double: both are shown.

import type { EventFields } from '../../core/proof/avro.ts';
import type { Proof } from './proof.ts';

/** Numbers that are remembered; the instances seen longest ago are forgotten first. A double follows within minutes. */
const maxNumbers = 1_000_000;

export class Doubled {
  /** By instance, the id of the event under each number. */
  readonly #instances = new Map<string, Map<bigint, string>>();
  #numbers = 0;

  /** Whether this event was shown already. An event without proof never hides one that has it. */
  isDoubled({ id, producer }: EventFields, proof: Proof): boolean {
    if (!producer) return false;
    const name = `${proof.status === 'unproven' ? 'unproven' : 'sealed'} ${producer.instance}`;
    const numbers = this.#instances.get(name) ?? new Map<bigint, string>();
    const known = numbers.get(producer.sequence);
    if (known !== undefined) return known === id;
    numbers.set(producer.sequence, id);
    this.#numbers++;
    this.#instances.delete(name);
    this.#instances.set(name, numbers);
    this.#forget(name);
    return false;
  }

  #forget(current: string): void {
    for (const [name, numbers] of this.#instances) {
      if (this.#numbers <= maxNumbers) return;
      if (name === current) {
        // One instance alone: its lowest numbers are its oldest.
        const [oldest] = numbers.keys();
        if (oldest !== undefined && numbers.delete(oldest)) this.#numbers--;
        return;
      }
      this.#instances.delete(name);
      this.#numbers -= numbers.size;
    }
  }
}
