/** The closing lines that people and machines read: the last one stands alone, nothing follows it. */
export const countLine = ({ passed, failed, skipped }) =>
  `${skipped > 0 ? `${skipped} skipped\n` : ''}${passed} passed, ${failed} failed`;
