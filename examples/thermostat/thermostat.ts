/** A thermostat: each reading of a sensor may switch the relay of a heater, on whichever board has one. */
import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";

const reading = definePact("reading", { celsius: { type: "f32", unit: "°C", min: -55, max: 125 } });
const setpoint = definePact("setpoint", { celsius: { type: "f32", unit: "°C", min: 5, max: 30 } });

const heater = defineState({ heating: false });

/** °C by which a reading must miss the setpoint, so that the relay does not chatter. */
const slack = 0.5;

const regulate = defineBehavior({
  name: "regulate",
  state: heater,
  consumes: reading,
  reads: [setpoint],
  requires: { relay: true },
  // A reading that no relay has heard of by then tells nothing any more.
  deadline: 5_000,
  run({ entry, state, read, capability, log }) {
    const wanted = read.latest(setpoint)?.celsius ?? 20;
    const heating = state.heating ? entry.celsius < wanted + slack : entry.celsius < wanted - slack;
    if (!heating && !state.heating) return;
    if (heating !== state.heating) log(`${entry.celsius} °C, and ${wanted} °C are wanted`);
    // Each reading holds the relay on for the lease that its board.json gives: when none comes any more, it is let go.
    // Should the relay refuse, this state never comes to be, and the next reading tries again.
    capability("relay", { on: heating });
    return { heating };
  },
});

export default defineSaga({ name: "thermostat", version: 1, reach: "saga", stages: [regulate] });
