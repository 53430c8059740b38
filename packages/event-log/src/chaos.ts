/** The test-only seam through which a process can be killed at named places. */

/** Called at named sites; production passes none. */
export interface Chaos {
  at(site: ChaosSite): void;
}

/** Every place where a kill is interesting. */
export type ChaosSite =
  | 'commit:before'
  | 'commit:inside'
  | 'commit:after'
  | 'register:after'
  | 'vault:before-copy'
  | 'vault:pages-written'
  | 'vault:copy-written'
  | 'vault:copy-synced'
  | 'vault:before-zero'
  | 'vault:done';
