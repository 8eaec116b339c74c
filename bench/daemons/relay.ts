import { nativeProgram } from '../native.js';
import { daemonAddresses, daemonAsn, daemonRouterId } from '../stage.js';
import type { DaemonRecipe } from './recipe.js';

/** No daemon: copies what one peer sends to all others, unread. What is left is the time of testers and kernel. */
export const relay: DaemonRecipe = {
  name: 'relay',
  transparent: true,
  installed: () => true,
  version: () => '',
  start(stage, { family = 4 }) {
    return stage.startDaemon('relay', [
      nativeProgram('relay'),
      daemonAddresses[family],
      String(daemonAsn),
      daemonRouterId,
      String(family),
    ]);
  },
};
