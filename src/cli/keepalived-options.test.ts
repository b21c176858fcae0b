import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HELP } from './keepalived-help.ts';
import { type KeepalivedArguments, readCommandLine, umaskOf } from './keepalived-options.ts';

function given(...words: string[]): KeepalivedArguments {
  const line = readCommandLine(words);
  if (line.kind !== 'run') throw new Error(JSON.stringify(line));
  return line.given;
}

const refusal = (...words: string[]): string => {
  const line = readCommandLine(words);
  return line.kind === 'wrong' ? line.message : line.kind;
};

describe('the command line of keepalived', () => {
  test('letters may be bundled, and the last one may take what follows as its value', () => {
    const { flags, values } = given('-nlPf', '/etc/k.conf');
    expect([...flags]).toEqual(['foreground', 'console', 'vrrpOnly']);
    expect(values).toEqual({ file: '/etc/k.conf' });
    expect(given('-lf/etc/k.conf').values).toEqual({ file: '/etc/k.conf' });
  });

  test('long names take their value behind = or in the next word, and may be shortened', () => {
    expect(given('--use-file=/a', '--vrrp_pid', '/b', '--pid=/c').values).toEqual({
      file: '/a',
      vrrpPid: '/b',
      pid: '/c',
    });
    expect([...given('--dont-f', '--log-d').flags]).toEqual(['foreground', 'detail']);
    expect(refusal('--dont-release')).toBe(
      '--dont-release may be --dont-release-vrrp or --dont-release-ipvs',
    );
  });

  test('-t takes a file only when it is attached', () => {
    expect(given('-t').test).toBe('');
    expect(given('-t', '-f', '/a')).toMatchObject({ test: '', values: { file: '/a' } });
    expect(given('-t/tmp/log').test).toBe('/tmp/log');
    expect(given('-t=/tmp/log').test).toBe('/tmp/log');
    expect(given('--config-test=/tmp/log').test).toBe('/tmp/log');
    expect(given('-n').test).toBeNull();
  });

  test('an option that does nothing is accepted with one sentence that says why', () => {
    const { notes } = given('-x', '-x', '-A', 'unix:/x', '-M', '--snmp');
    expect(notes).toHaveLength(3);
    expect(notes[0]).toContain('--snmp');
    expect(notes[0]).toContain('there is no SNMP agent');
  });

  test('wrong usage is named as the C daemon names it', () => {
    expect(refusal('--bogus')).toBe('Unknown option --bogus');
    expect(refusal('-nZ')).toBe('Unknown option -Z');
    expect(refusal('-f')).toBe('Missing parameter for option -f');
    expect(refusal('--pid')).toBe('Missing parameter for option --pid');
    expect(refusal('-n', 'extra')).toBe('Unexpected argument(s): extra');
    expect(refusal('--vrrp=x')).toBe('--vrrp takes no value');
    expect(refusal('-S', '9')).toBe("Invalid log facility '9'");
    expect(refusal('-u', '1000')).toBe('Invalid umask option 1000');
    expect(refusal('-s', '../x')).toBe("Invalid namespace name '../x'");
  });

  test('a mask may be octal, decimal or hexadecimal', () => {
    expect([umaskOf('022'), umaskOf('18'), umaskOf('0x12')]).toEqual([18, 18, 18]);
  });

  test('every option that the help names is one', () => {
    const named = [...HELP.matchAll(/^ {2}(?:-(\w), | {4})--([\w-]+)/gm)];
    expect(named.length).toBeGreaterThan(25);
    for (const [, short, long] of named) {
      for (const word of [`--${long}`, ...(short === undefined ? [] : [`-${short}`])])
        expect(readCommandLine([word, '1']), word).not.toMatchObject({
          message: expect.stringContaining('Unknown option'),
        });
    }
  });

  test('no words crash it or are taken for something that was not typed', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string(),
            fc.string().map((s) => `-${s}`),
            fc.string().map((s) => `--${s}`),
          ),
        ),
        (words) => {
          const line = readCommandLine(words);
          if (line.kind === 'run')
            for (const value of Object.values(line.given.values)) expect(words.join('\n')).toContain(value);
        },
      ),
    );
  });
});
