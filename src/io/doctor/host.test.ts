// What of a packet filter's rules keeps VRRP out.
import { expect, test } from 'vitest';
import { dropsOfVrrp } from './host.ts';

const input = (policy: string, ...rules: string[]) => `table inet filter {
	chain input {
		type filter hook input priority filter; policy ${policy};
${rules.map((rule) => `		${rule}`).join('\n')}
	}
}
`;

test('a rule that drops protocol 112, by number or by name, is named with its chain', () => {
  for (const rule of [
    'ip protocol vrrp drop',
    'ip protocol 112 counter packets 5 bytes 200 drop',
    'meta l4proto 112 reject',
  ])
    expect(dropsOfVrrp(input('accept', rule))).toEqual([`chain input: ${rule}`]);
});

test('a closed chain that lets no VRRP in is named, one that does is not', () => {
  expect(dropsOfVrrp(input('drop', 'tcp dport 22 accept', 'ct state established,related accept'))).toEqual([
    'chain input: policy drop, and no rule accepts protocol 112',
  ]);
  expect(dropsOfVrrp(input('drop', 'ip protocol 112 accept'))).toEqual([]);
  expect(dropsOfVrrp(input('drop', 'ip saddr 192.0.2.0/24 accept'))).toEqual([]);
});

test('other chains, open ones and none at all are no fault', () => {
  expect(dropsOfVrrp('')).toEqual([]);
  expect(dropsOfVrrp(input('accept', 'tcp dport 112 drop'))).toEqual([]);
  expect(
    dropsOfVrrp(
      'table inet x {\n\tchain fwd {\n\t\ttype filter hook forward priority filter; policy drop;\n\t}\n}\n',
    ),
  ).toEqual([]);
});
