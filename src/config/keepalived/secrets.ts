// A line of a keepalived.conf or of a script as it may be shown: passwords are replaced. Wherever findings are printed.

export function maskKeepalived(line: string): string {
  return line
    .replace(/(\b(?:auth_pass|password)\s+)("[^"]*"?|[^\s{}]+)/g, '$1***')
    .replace(/((?:^|\s)(?:-p(?!ort\b)|--password=))(?![\s$]|[0-9]{1,5}(?:\s|$|["']))[^\s"']+/g, '$1***')
    .replace(
      /(\b(?:\w*_)?(?:pw|pass|passwd|password|mysql_pwd)\s*=\s*)("[^"]*"?|'[^']*'?|[^\s;]+)/gi,
      '$1***',
    );
}
