// The gateway as an operator starts it: `npm run gateway` in a process of its own, on the servers of the run.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';
import { createApiKey } from '../../producers/identity/index.ts';
import { stackEnv, stackVariable } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';

/** A file with one key, of the machine `service/billing`. */
export function billingKey() {
  const file = join(temporaryFolder(), 'keys.yaml');
  const actor = { kind: 'machine', id: 'service/billing' } as const;
  const expiresAt = Date.now() + 86_400_000;
  const grant = { actor, owner: 'u-7', roles: [], by: 'u-9', expiresAt };
  return { file, actor, ...createApiKey(file, grant, Date.now()) };
}

export async function startGateway(env: Record<string, string>) {
  const args = ['--import', './infra/node-24.mjs', 'producers/gateway/main.ts'];
  const gateway = spawn(process.execPath, args, {
    env: { ...process.env, ...stackEnv(), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exit = once(gateway, 'exit');
  onTestFinished(async () => {
    if (gateway.exitCode === null) gateway.kill('SIGKILL');
    await exit;
  });
  const lines: string[] = [];
  const running = new Promise<{ port: number; operators: number }>((resolve, reject) => {
    let operators = 0;
    createInterface({ input: gateway.stdout }).on('line', line => {
      lines.push(line);
      const { msg, port = 0 }: { msg?: string; port?: number } = JSON.parse(line);
      if (msg?.startsWith('serving')) operators = port;
      if (msg === 'running') resolve({ port, operators });
    });
    void exit.then(() => reject(new Error(`the gateway ended: ${lines.join('\n')}`)));
  });
  const { port, operators } = await running;
  return {
    url: `http://127.0.0.1:${port}`,
    /** The status of `/readyz`. */
    readiness: async () => (await fetch(`http://127.0.0.1:${operators}/readyz`)).status,
    exit,
    stop: (signal: NodeJS.Signals = 'SIGTERM') => gateway.kill(signal),
  };
}

/** The way to the first broker, shut until it is opened. */
export async function startDoor() {
  const [host = '', port = ''] = stackVariable('KAFKA_BROKERS').split(',')[0]?.split(':') ?? [];
  let isOpen = false;
  const server = createServer(socket => {
    socket.on('error', () => socket.destroy());
    if (!isOpen) return socket.destroy();
    const broker = connect(Number(port), host);
    broker.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    return socket
      .on('close', () => broker.destroy())
      .pipe(broker)
      .pipe(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${own}`,
    open: () => {
      isOpen = true;
    },
  };
}
