import { expect, test } from 'vitest';
import { compareDefinitions, type Definition } from './definition.ts';

const table = (text: string): Definition => ({ kind: 'table', name: 'shop.t', text });
const OPTIONS = ') ENGINE=InnoDB AUTO_INCREMENT=7 DEFAULT CHARSET=utf8';

test('the next AUTO_INCREMENT is each master own business', () => {
  const other = OPTIONS.replace('=7', '=12');
  expect(compareDefinitions([table(`CREATE TABLE\n${OPTIONS}`)], [table(`CREATE TABLE\n${other}`)])).toEqual(
    [],
  );
});

test('a comment that holds those words is compared', () => {
  const line = (n: number): string => `  \`c\` int COMMENT 'see AUTO_INCREMENT=${n}'\n${OPTIONS}`;
  expect(compareDefinitions([table(line(1))], [table(line(2))])).toMatchObject([
    { difference: 'differs', writer: ["`c` int COMMENT 'see AUTO_INCREMENT=1'"] },
  ]);
});

test('charset, collation and engine of a table are compared', () => {
  const differ = compareDefinitions([table(OPTIONS)], [table(OPTIONS.replace('InnoDB', 'MyISAM'))]);
  expect(differ).toMatchObject([{ kind: 'table', name: 'shop.t', difference: 'differs' }]);
});

test('columns in another order are shown whole, though no line is missing', () => {
  const [found] = compareDefinitions([table('`a` int,\n`b` int,')], [table('`b` int,\n`a` int,')]);
  expect(found).toMatchObject({ writer: ['`a` int,', '`b` int,'], standby: ['`b` int,', '`a` int,'] });
});

test('an event that the standby does not run is the same event; one that is switched off is not', () => {
  const event = (state: string): Definition => ({
    kind: 'event',
    name: 'shop.e',
    text: `CREATE EVENT e PRESERVE ${state} DO SELECT 1`,
  });
  expect(compareDefinitions([event('ENABLE')], [event('DISABLE ON SLAVE')])).toEqual([]);
  expect(compareDefinitions([event('ENABLE')], [event('DISABLE ON REPLICA')])).toEqual([]);
  expect(compareDefinitions([event('ENABLE')], [event('DISABLE')])).toHaveLength(1);
});

test('what only one side has is named with its side, and names of servers that fold them are one', () => {
  const other: Definition = { kind: 'view', name: 'shop.V', text: 'x' };
  expect(compareDefinitions([table('x')], [other])).toMatchObject([
    { kind: 'table', difference: 'only-writer' },
    { kind: 'view', difference: 'only-standby' },
  ]);
  expect(compareDefinitions([{ ...other, name: 'shop.v' }], [other], true)).toEqual([]);
});

test('a definition that the account may not see is no difference', () => {
  expect(
    compareDefinitions(
      [{ kind: 'procedure', name: 's.p', text: null }],
      [{ kind: 'procedure', name: 's.p', text: 'x' }],
    ),
  ).toEqual([]);
});
