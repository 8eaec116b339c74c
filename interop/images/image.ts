/** What an image is to the lab runner. */
import type { NodeDefinition } from '../topology.js';

/** A process that an image starts. */
export interface ProcessRecipe {
  name: string;
  argv: string[];
  /** The Unix socket, as a path within the node, on which it listens when it serves. */
  socket: string | null;
  /**
   * What is sent there to get an answer; the answer is the sign that it serves. Empty: it greets by itself. null: it
   * accepts connections only when it serves.
   */
  question: string | null;
  /** What is run in the node after a restart to give it its configuration again. */
  configureAgain: string[] | null;
  /** A command in the node that succeeds only when it serves, where no socket tells (asked after the socket's answer). */
  probe?: string[];
}

export interface Image {
  name: string;
  matches: RegExp;
  /** Whether its nodes forward packets. */
  router: boolean;
  /** Shell commands for the fresh namespaces, before the binds. */
  prepare(node: NodeDefinition): string;
  /** What to start, in this order; `run` executes a command in the node. */
  processes(node: NodeDefinition, run: (argv: string[]) => Promise<string>): Promise<ProcessRecipe[]>;
  /** Run in the node when all its processes serve. */
  configure(node: NodeDefinition): string[][];
  /** The process that stands for the node: `lab.node('a').process`. */
  main: string | null;
  /** The file that a `startup-config` stands for, within the node. */
  configFile: string | null;
}
