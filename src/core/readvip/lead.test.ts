import { expect, test } from 'vitest';
import type { Found } from '../viptruth/lead.ts';
import { judgeReadLead } from './lead.ts';

const at = (serverId: number, hostname: string): Found => ({
  kind: 'server',
  identity: { serverId, hostname, port: 3306 },
  epoch: null,
});
const nobody: Found = { kind: 'failed', because: 'nothing listens there' };
const judge = (atVip: Found, direct: Found = at(2, 'b')) =>
  judgeReadLead({ vip: '192.0.2.101', holder: 'b', direct }, atVip);

test('a read VIP is right when the server of its holder answers behind it, whatever epoch it last wrote in', () => {
  expect(judge(at(2, 'b')).verdict).toBe('right');
});

test('another server behind it, or none, is astray, and says which', () => {
  expect(judge(at(7, 'clone'))).toMatchObject({
    verdict: 'astray',
    because: expect.stringContaining('server id 7'),
  });
  expect(judge(nobody)).toMatchObject({
    verdict: 'astray',
    because: expect.stringContaining('nothing listens'),
  });
});

test('nothing is told of the VIP when the holder answers nowhere, or has no connection left', () => {
  expect(judge(nobody, nobody).verdict).toBe('unknown');
  expect(judge({ kind: 'full', because: 'too many connections' }).verdict).toBe('unknown');
});
