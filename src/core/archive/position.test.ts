import { describe, expect, it } from 'vitest';
import { positionBehind } from './position.ts';

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429561';
const B = '3e11fa47-71ca-11e1-9e33-c80aa9429562';

describe('where a copy has come to', () => {
  it('is the last of each domain with MariaDB, whoever wrote it', () => {
    expect(positionBehind('0-1-5,1-1-3', ['0-1-6', '0-2-7', '1-1-4'])).toBe('0-2-7,1-1-4');
    expect(positionBehind('0-1-5', [])).toBe('0-1-5');
  });

  it('is a set with MySQL, holes included', () => {
    expect(positionBehind(`${A}:1-5`, [`${A}:6`, `${A}:7`, `${B}:1`, `${A}:9`])).toBe(`${A}:1-7:9,${B}:1`);
  });

  it('is not moved by a log without GTIDs', () => {
    expect(positionBehind('', ['', ''])).toBe('');
  });
});
