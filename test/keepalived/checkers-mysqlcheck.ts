// A MYSQL_CHECK as its user writes it, for the tests on each family of servers.
import { expect } from 'vitest';
import { makeLooker } from '../../src/app/keepalived/checkers/kinds.ts';
import { parseKeepalivedConf } from '../../src/config/keepalived/parse.ts';

export function checkOf(port: number, more: string, file: string) {
  const text = `virtual_server 10.0.0.9 3306 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server 127.0.0.1 ${port} {
    MYSQL_CHECK {\nuser monitor\npassword_file ${file}\nconnect_timeout 1\n${more}\n}\n}\n}\n`;
  const { config, findings } = parseKeepalivedConf(text, 'x', () => []);
  expect(findings.filter((f) => f.severity === 'error')).toEqual([]);
  const checker = config.virtualServers[0]?.realServers[0]?.checkers[0];
  const looker = checker === undefined ? null : makeLooker(checker, config, () => undefined);
  if (looker === null) throw new Error('no MYSQL_CHECK was read');
  return {
    async says(): Promise<string> {
      const verdict = await looker.look(0, new AbortController().signal);
      return verdict.ok ? 'passed' : verdict.because;
    },
    end: () => looker.close(),
  };
}

export async function saysOnce(port: number, more: string, file: string): Promise<string> {
  const check = checkOf(port, more, file);
  try {
    return await check.says();
  } finally {
    check.end();
  }
}
