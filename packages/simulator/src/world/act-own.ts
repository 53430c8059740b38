/** An action of somebody else's, done. */

import { invariant } from '@simsim/bytes';
import { hasEnded } from '@simsim/sesame';
import type { ActingWorld } from '../actions/acting-world.ts';
import type { Action, Deed } from '../case/case.ts';
import { Dice } from '../dice.ts';
import { say } from './say.ts';
import { userOf } from './user-of.ts';
import type { World } from './world.ts';

/** Does an own action. `act` does one of ours. */
export function actOwn(
  world: World,
  action: Extract<Action, { do: 'own' }>,
  act: (action: Action) => void,
): void {
  const own = world.actions.get(action.name);
  invariant(own !== undefined, 'a case is run with every action that it has');
  own.act(actingWorld(world, `${action.name}/${action.atMs}`, act), action.data);
}

/** What an own action has of a world. */
export function actingWorld(
  world: World,
  label: string,
  act: (action: Action) => void,
): ActingWorld {
  const dice = new Dice(world.seed, `own/${label}`);
  let deeds = 0;
  return {
    knobs: world.knobs,
    agenda: world.agenda,
    ledger: world.ledger,
    situations: world.situations,
    relay: world.relay,
    adversary: world.adversary,
    crypto: world.crypto,
    shellSabotage: world.shellSabotage,
    dice,
    machine: (name) => world.machine(name),
    process: (name) => world.process(name),
    living: () => world.living(),
    as(name, doing) {
      const process = world.process(name);
      process?.alive(() => doing(process));
    },
    send(by, { to, text }) {
      const process = world.process(by);
      if (process === undefined || hasEnded(process.own().status)) return;
      say(world, process, { to: to.map(userOf), text, dice });
    },
    // What is sent is named by its moment: no two deeds share one.
    act: (deed: Deed) => act({ ...deed, atMs: world.elapsedMs + ++deeds / 1000 }),
  };
}
