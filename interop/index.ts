/**
 * The lab runner plays containerlab topology files in network namespaces: no container engine, no images. A node is
 * a named network namespace with private mount and UTS namespaces; its image's name picks a daemon that Debian (or this
 * checkout) provides. Every network test and the demo stand on it.
 *
 * How a lab comes up: `topology` reads and resolves the file; the `registry` takes the lab's name and writes down what
 * is going to exist; `namespaces` makes the nodes, `links` their interfaces; `images` says what a node runs and
 * `process` runs it; `lab` leads through these steps. A lab goes down by what the registry knows, never by what the
 * runner remembers, so a killed runner's lab goes down the same way: by its watcher at once, else by the next `up`.
 *
 * Where the machine's kernel lacks a kind of device that a topology needs, `machine` boots a User-Mode Linux kernel on
 * the same file system, and the same runner plays the lab in there (`lab-in-machine`).
 *
 * In a test:
 *
 *     await using lab = await Lab.up('interop/topologies/frr-bird.clab.yml');
 *     await new Frr(lab.node('r1')).untilEstablished('10.0.12.2');
 */
export * from './bird.js';
export { type CommandResult, mustRun, runCommand, until, type WaitOptions } from './command.js';
export { hasDeviceKind, kindsLabel, lackingKinds, neededKinds } from './device-kinds.js';
export { LabError } from './errors.js';
export * from './exabgp.js';
export * from './frr.js';
export * from './gobgp.js';
export { checkout, tartanControl } from './images.js';
export { insideMachine } from './inside-machine.js';
export * from './kernel.js';
export { Lab, type LabOptions } from './lab.js';
export { bootMachine, type OwnMachine } from './lab-in-machine.js';
export { Machine, machineHindrance, type RunOptions } from './machine.js';
export { type ExecOptions, LabNode, type SpawnOptions } from './node.js';
export * from './openbgpd.js';
export { type ExitStatus, NodeProcess, untilAnswers } from './process.js';
export * from './stayrtr.js';
export * from './tartan.js';
export { loadTopology, parseTopology, type Topology } from './topology.js';
