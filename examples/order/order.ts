/** The order of the patent's figure 9B: products from the warehouse, then the payment. If that fails, the stock is given back. */
import { defineBehavior, definePact, defineSaga, defineState } from "vertebra/saga";

const order = definePact("order", {
  number: "u32",
  product: { enum: ["robot arm", "gripper"] },
  price: { type: "u32", unit: "ct" },
});
const account = definePact("account", { balance: { type: "u32", unit: "ct" } });
const payment = definePact("payment", { number: "u32", price: { type: "u32", unit: "ct" } });
const notice = definePact("notice", { number: "u32", text: "text" });

const warehouse = defineState({ "robot arm": 3, gripper: 1 });

const retrieve = defineBehavior({
  name: "retrieve",
  state: warehouse,
  consumes: order,
  produces: [payment, notice],
  run({ entry, state, produce, fail }) {
    const left = state[entry.product];
    if (left === 0) fail(`no ${entry.product} left`, [notice, { number: entry.number, text: "Sold out." }]);
    produce(payment, { number: entry.number, price: entry.price });
    return { ...state, [entry.product]: left - 1 };
  },
  compensate({ entry, state, log }) {
    log(`a ${entry.product} is back in stock`);
    return { ...state, [entry.product]: state[entry.product] + 1 };
  },
});

const collect = defineBehavior({
  name: "collect",
  state: warehouse,
  consumes: payment,
  reads: [account],
  produces: [notice],
  deadline: 60_000,
  run({ entry, read, produce, fail }) {
    const balance = read.latest(account)?.balance ?? 0;
    if (balance < entry.price) {
      fail("insufficient funds", [
        notice,
        { number: entry.number, text: `${entry.price} ct, and you have ${balance}.` },
      ]);
    }
    produce(notice, { number: entry.number, text: "Thank you." });
  },
});

export default defineSaga({ name: "order", version: 1, reach: "saga", stages: [retrieve, collect] });
