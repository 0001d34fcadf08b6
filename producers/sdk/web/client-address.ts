/**
 * The address of the client. What `X-Forwarded-For` says is written by whoever sent it, so it is believed only as far as
 * proxies are known: so many hops, or those whose addresses are in a list.
 */
import { BlockList, isIP } from 'node:net';

/** Proxies before the service: their number, or their addresses and networks, such as `10.0.0.0/8`. Default: none. */
export type TrustProxy = number | readonly string[];

/** From the connection's peer and the header to the client's address. */
export type ClientAddress = (peer: string | undefined, forwardedFor: string | undefined) => string | undefined;

/** More than any chain of proxies; what is beyond is somebody's play. */
const MAX_FORWARDED = 4096;

/** Throws TypeError where the setting is neither a number nor a list of addresses. */
export function clientAddressBy(trust: TrustProxy | undefined): ClientAddress {
  const isTrusted = trusts(trust ?? 0);
  return (peer, forwardedFor) => {
    let client = peer === undefined ? undefined : addressOf(peer);
    const hops = forwardedFor === undefined ? [] : forwardedFor.slice(-MAX_FORWARDED).split(',');
    for (let passed = 0; client !== undefined && isTrusted(client, passed); passed++) {
      const said = hops.pop();
      const next = said === undefined ? undefined : addressOf(said);
      // The last one that is known to be true: behind a proxy that says nothing, that proxy.
      if (next === undefined) return client;
      client = next;
    }
    return client;
  };
}

function trusts(trust: TrustProxy): (address: string, passed: number) => boolean {
  if (typeof trust === 'number') {
    if (!Number.isInteger(trust) || trust < 0)
      throw new TypeError(`trustProxy: found ${trust}, expected a whole number`);
    return (_, passed) => passed < trust;
  }
  if (!Array.isArray(trust)) throw new TypeError('trustProxy: expected a number of proxies, or a list of addresses');
  const known = new BlockList();
  for (const one of trust) add(known, one);
  return address => known.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}

function add(known: BlockList, network: string): void {
  const [, address = '', prefix] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const version = isIP(address);
  const bits = version === 6 ? 128 : 32;
  const length = prefix === undefined ? bits : Number(prefix);
  if (version === 0 || length > bits) {
    throw new TypeError(
      `trustProxy: found ${JSON.stringify(network)}, expected an address or a network such as 10.0.0.0/8`,
    );
  }
  known.addSubnet(address, length, version === 6 ? 'ipv6' : 'ipv4');
}

/** An address in its plain form, without a port; undefined where it is none. */
function addressOf(text: string): string | undefined {
  const bare = text.trim().replace(/^"|"$/g, '');
  const [, bracketed] = /^\[([^\]]+)\](?::\d+)?$/.exec(bare) ?? [];
  const [, withoutPort] = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(bare) ?? [];
  const address = bracketed ?? withoutPort ?? bare;
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  const plain = mapped ?? address;
  return isIP(plain) === 0 ? undefined : plain;
}
