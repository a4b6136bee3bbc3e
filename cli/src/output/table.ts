import CliTable from 'cli-table3';

/** Spaces between two columns. */
const GAP = 2;

/** A column that must give way is not made narrower than this: its beginning still tells things apart. */
const COLUMN_MIN = 8;

const NO_LINES = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '',
  bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '',
};

/** Columns under their heads, cut to fit the width; `empty` stands for a table without rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], width: number, empty: string): string {
  if (rows.length === 0) return `${empty}\n`;
  const widths = fitColumns([head, ...rows], width);
  const made = new CliTable({
    head: [...head],
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': GAP },
    colWidths: widths.map((one) => one + GAP),
  });
  for (const row of rows) made.push(row.map((cell) => printable(cell)));
  return `${made.toString().replaceAll(/ +$/gm, '')}\n`;
}

/** Width of each column: as wide as its widest cell, and where that is too much, the widest give way first. */
export function fitColumns(rows: readonly (readonly string[])[], width: number): number[] {
  const count = rows[0]?.length ?? 0;
  const widths = Array.from({ length: count }, (_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0), 1));
  let excess = widths.reduce((sum, one) => sum + one + GAP, 0) - GAP - width;
  while (excess > 0) {
    const widest = widths.indexOf(Math.max(...widths));
    if (widths[widest]! <= COLUMN_MIN) break;
    widths[widest]!--;
    excess--;
  }
  return widths;
}

/** Names come from users: what would move the cursor or break a line is shown as a question mark. */
function printable(cell: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are just what is looked for
  return cell.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
