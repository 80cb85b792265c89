import { encodeText } from "../../firmware/core/wire/text";

// noble asks for it while it is loaded, and XS has none: this is imported before `firmware/device/noble`. In a bundle, as for
// the host on Linux, the part of noble that asks is left out.
Object.assign(globalThis, {
  TextEncoder: class {
    encode(text: string): Uint8Array {
      return encodeText(text);
    }
  },
});
