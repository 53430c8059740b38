/** A conversation for tests: made up, the same every time, with every kind of line there is. */

const PEOPLE = ['ada', 'bao', 'Cem', 'dora', 'eun-ji', 'fritz', 'गीता', '[hal]'];

const TEXTS = [
  'good morning',
  '  two spaces in front, two behind  ',
  'naïve café, 东京, Ελλάδα, שלום, 👩‍👩‍👧‍👦 and e\u0301',
  '',
  'tabs\tand "quotes" and \\ and \u0007',
  'https://example.org/?q=a:b,c',
  'x'.repeat(3000),
];

/** An IRC log of so many messages, with a few lines between that are none. */
export function conversation(messages: number): string {
  const lines: string[] = [];
  for (let i = 0; i < messages; i++) {
    const from = PEOPLE[(i * 5 + Math.floor(i / 7)) % PEOPLE.length] ?? '';
    const addressed = PEOPLE[(i * 3) % PEOPLE.length] ?? '';
    const text = `${TEXTS[i % TEXTS.length] ?? ''}${i % 4 === 0 ? ` #${i}` : ''}`;
    if (i % 60 === 0) lines.push(`=== ${from} has joined`);
    const minute = String(Math.floor(i / 10) % 60).padStart(2, '0');
    const said = i % 3 === 0 ? `${addressed}: ${text}` : text;
    lines.push(`[${String(10 + Math.floor(i / 600))}:${minute}] <${from}> ${said}`);
  }
  return `${lines.join('\n')}\n`;
}
