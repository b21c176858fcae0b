// A parsed tree and its findings as text, one line each: for golden files and for reading by eye.
import type { KeepalivedFinding } from './findings.ts';
import type { Statement } from './tree.ts';

const word = (text: string) => (/[\s"]/.test(text) || text === '' ? JSON.stringify(text) : text);

export function renderTree(tree: readonly Statement[], indent = ''): string {
  return tree
    .map((s) => {
      const line = indent + [s.keyword, ...s.args.map((a) => a.text)].map(word).join(' ');
      if (s.block === null) return `${line}\n`;
      return `${line} {\n${renderTree(s.block.statements, `${indent}  `)}${indent}}\n`;
    })
    .join('');
}

export function renderFindings(findings: readonly KeepalivedFinding[]): string {
  return findings
    .map((f) => `${f.file}:${f.line}:${f.column} ${f.severity} ${f.code}\n  ${f.message}\n  -> ${f.hint}\n`)
    .join('');
}
