/** Looking now and then: for checks that read much. */

/** Answers true for one in so many calls, counted for each subject by itself. */
export function everySo(count: number): (subject: object) => boolean {
  const calls = new WeakMap<object, number>();
  return (subject) => {
    const call = (calls.get(subject) ?? 0) + 1;
    calls.set(subject, call);
    return call % count === 0;
  };
}
