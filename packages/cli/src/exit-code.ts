/** How a command ends, as the shell sees it. */

/**
 * Exit codes of every command: 0 fine, 1 the checked thing does not hold, 2 wrong usage or input,
 * 3 the environment failed, 130 interrupted.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 130;
