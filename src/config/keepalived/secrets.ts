// A line of a keepalived.conf or of a script as it may be shown: passwords are replaced, and what would steer a terminal. Wherever
// findings are printed.

/** Control characters but the tab, and those that turn the direction of text. One for one, so that columns stay. */
const STEERING = /[^\P{Cc}\t]|[\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

export function maskKeepalived(line: string): string {
  return line
    .replace(STEERING, '\ufffd')
    .replace(/(\b(?:auth_pass|password)\s+)("[^"]*"?|[^\s{}]+)/g, '$1***')
    .replace(/((?:^|\s)(?:-p(?!ort\b)|--password=))(?![\s$]|[0-9]{1,5}(?:\s|$|["']))[^\s"']+/g, '$1***')
    .replace(
      /(\b(?:\w*_)?(?:pw|pass|passwd|password|mysql_pwd)\s*=\s*)("[^"]*"?|'[^']*'?|[^\s;]+)/gi,
      '$1***',
    );
}
