import { expect, test } from 'vitest';
import { type Column, comparable, type TableShape } from './shape.ts';

const column = (name: string, more: Partial<Column> = {}): Column => ({
  name,
  type: 'int(11)',
  dataType: 'int',
  charset: null,
  collation: null,
  nullable: false,
  computed: 'no',
  ...more,
});
const shape = (columns: readonly Column[], key: readonly string[] | null = ['id']): TableShape => ({
  schema: 's',
  name: 't',
  engine: 'InnoDB',
  columns,
  key: key === null ? null : { index: 'PRIMARY', columns: key },
  uniqueIndexes: 1,
  rows: 0,
  bytes: 0,
});

test('columns that are computed when read, or are the times of versions, are not compared', () => {
  const columns = [
    column('id'),
    column('v', { computed: 'virtual' }),
    column('since', { computed: 'period' }),
  ];
  expect(comparable(shape(columns), shape(columns))).toMatchObject({
    columns: [{ name: 'id' }],
    leftOut: [],
  });
});

test('a column of another type is left out and named, the others are compared', () => {
  const other = [column('id'), column('n', { dataType: 'varchar', charset: 'utf8' })];
  const found = comparable(shape([column('id'), column('n')]), shape(other));
  expect(found).toMatchObject({ kind: 'comparable', leftOut: ['n'], columns: [{ name: 'id' }] });
});

test('a column that only one side has is left out and named', () => {
  const found = comparable(shape([column('id'), column('x')]), shape([column('id'), column('y')]));
  expect(found).toMatchObject({ leftOut: ['x', 'y'] });
});

test('keys of other columns, or in another collation, allow no comparing by ranges', () => {
  const text = (collation: string) => [column('id', { dataType: 'char', charset: 'utf8', collation })];
  expect(comparable(shape(text('utf8_bin')), shape(text('utf8_general_ci')))).toMatchObject({
    kind: 'not-comparable',
  });
  expect(comparable(shape([column('id')]), shape([column('id')], null))).toMatchObject({
    kind: 'not-comparable',
  });
});
