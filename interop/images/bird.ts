import type { Image } from './image.js';

export const bird: Image = {
  name: 'bird',
  matches: /bird/i,
  router: true,
  main: 'bird',
  configFile: '/etc/bird/bird.conf',
  prepare: () => 'mkdir -p /run/bird',
  async processes(node) {
    // Labs bind either name; the one that is bound counts.
    const bound = node.binds.find((bind) => bind.target === '/etc/bird.conf')?.target;
    const argv = ['/usr/sbin/bird', '-f', '-c', bound ?? '/etc/bird/bird.conf'];
    return [{ name: 'bird', argv, socket: '/run/bird/bird.ctl', question: '', configureAgain: null }];
  },
  configure: () => [],
};
