/** Where the control socket lies unless `--control` says otherwise. */
export const defaultControlPath = '/run/tartan/tartan.sock';
