import { expect, it } from 'vitest';
import { statementsOf } from './tail.ts';

it('takes the output of the binary log client apart into statements', () => {
  const sql = `/*!50530 SET @@SESSION.PSEUDO_SLAVE_MODE=1*/;
DELIMITER /*!*/;
# at 4
#261121 12:00:00 server id 11  end_log_pos 256 Start: binlog v 4
ROLLBACK/*!*/;
BINLOG '
abc=
'/*!*/;
/*!100001 SET @@session.gtid_seq_no=4*//*!*/;
START TRANSACTION
/*!*/;
COMMIT/*!*/;
DELIMITER ;
# End of log file
ROLLBACK /* added by mysqlbinlog */;
`;
  expect(statementsOf(sql)).toEqual([
    '/*!50530 SET @@SESSION.PSEUDO_SLAVE_MODE=1*/;\nROLLBACK',
    "BINLOG '\nabc=\n'",
    '/*!100001 SET @@session.gtid_seq_no=4*/',
    'START TRANSACTION',
    'COMMIT',
    'ROLLBACK /* added by mysqlbinlog */;',
  ]);
});
