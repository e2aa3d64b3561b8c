import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../publishing.fixture.js';
import { PortCheck, PortVitals } from './port-check.js';

describe('signs of life', () => {
  const checks = (vitals: PortVitals, ...times: number[]) => times.map((now) => vitals.isDeaf(now));

  it('three checks without one: deaf; one in between, from wherever: not', () => {
    const vitals = new PortVitals(10);
    vitals.answered();
    expect(checks(vitals, 0, 10, 20)).toEqual([false, false, false]);
    vitals.received();
    expect(checks(vitals, 30, 40, 50, 60)).toEqual([false, false, false, true]);
  });

  it('a check that comes late does not count', () => {
    const vitals = new PortVitals(10);
    vitals.answered();
    expect(checks(vitals, 0, 10, 20, 500, 900, 910)).toEqual([false, false, false, false, false, true]);
  });

  it('a port that has never answered is not judged', () => {
    const vitals = new PortVitals(10);
    vitals.received();
    expect(checks(vitals, 0, 10, 20, 30, 40)).not.toContain(true);
  });
});

describe('calls at a port', () => {
  let port: Socket;

  afterEach(() => port.close());

  it('that answers, and then no longer does: said once', async () => {
    port = createSocket('udp4');
    port.bind(0, '127.0.0.1');
    await once(port, 'listening');
    let answered = 0;
    port.on('message', (call, from) => {
      if (answered++ < 5) port.send(call, from.port, from.address);
    });
    let deaf = 0;
    const said = () => deaf++;
    new PortCheck({ host: '0.0.0.0', port: port.address().port, deaf: said, everyMs: 50 });
    await until(() => deaf > 0, 'the verdict');
    expect(answered).toBeGreaterThan(5);
    expect(deaf).toBe(1);
  });
});
