/** Broken variants of the simulator's own shell, for invariants over what leaves a device when. */

/** What a shell does wrong. */
export type ShellSabotage =
  /** What a commit is going to have posted leaves before it. */
  | 'posts-before-commit'
  /** Mail is acknowledged as it comes, before it is decided. */
  | 'acknowledges-before-commit'
  /** Mail is never acknowledged. */
  | 'never-acknowledges'
  /** Posts that were answered stay in memory. */
  | 'keeps-answered-posts'
  /** What waits for a whole fetch of the mailbox does not wait. */
  | 'deletes-before-fetch';
