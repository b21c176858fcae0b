// What a data directory is made with and cannot be changed in it later: a copy that is loaded is made with the same.

export const FORMAT_SETTINGS = [
  'innodb_page_size',
  'innodb_data_file_path',
  'lower_case_table_names',
] as const;
export type Format = Readonly<Partial<Record<(typeof FORMAT_SETTINGS)[number], string>>>;
